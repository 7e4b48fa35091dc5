"""Opens a store on what a crash left, and says what is wrong with what it remembers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Entries = list[dict[str, Any]]
Loaded = tuple[Entries, dict[str, Any] | None]


def load(variant: str, home: Path) -> Loaded:
    """What the store's own way of opening finds: entries, checkpoint. Raises what it raises."""
    if variant.startswith("sqlite"):
        return _load_sqlite(home)
    if variant in ("naive", "replacing"):
        return _load_trusting(home)
    return _load_forgiving(home)


def _load_trusting(home: Path) -> Loaded:
    log, state = home / "turns.jsonl", home / "checkpoint.json"
    entries = [json.loads(line) for line in log.read_bytes().splitlines()] if log.exists() else []
    return entries, json.loads(state.read_bytes()) if state.exists() else None


def _load_forgiving(home: Path) -> Loaded:
    """Whatever ends the log and cannot be read is a torn append; elsewhere it is damage."""
    log, state = home / "turns.jsonl", home / "checkpoint.json"
    entries: Entries = []
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(json.loads(line))
        except ValueError:
            if number < len(lines):
                raise
    return entries, json.loads(state.read_bytes()) if state.exists() else None


def _load_sqlite(home: Path) -> Loaded:
    if not (home / "state.db").exists():
        return [], None
    database = sqlite3.connect(home / "state.db")
    try:
        [answer] = database.execute("pragma quick_check").fetchone()
        if answer != "ok":
            raise ValueError(f"quick_check: {answer}")
        tables = {name for (name,) in database.execute("select name from sqlite_master")}
        entries = []
        if "turns" in tables:
            rows = database.execute("select body from turns order by id")
            entries = [json.loads(body) for (body,) in rows]
        row = database.execute("select body from state").fetchone() if "state" in tables else None
        return entries, json.loads(row[0]) if row else None
    finally:
        database.close()


def wrongs(variant: str, home: Path, heard: Sequence[Sequence[Any]]) -> set[str]:
    """The classes of harm; `heard` is what the world had seen of the conversation."""
    try:
        entries, state = load(variant, home)
    except (ValueError, KeyError, OSError, sqlite3.DatabaseError):
        return {"unreadable"}
    acknowledged = {turn for word, turn in heard if word == "ack"}
    effects = {key for word, key in heard if word == "effect"}
    there = {(entry["turn"], entry["role"]) for entry in entries}
    last = -1 if state is None else state["last_turn"]
    found = set()
    if any({(turn, "user"), (turn, "assistant")} - there for turn in acknowledged):
        found.add("acknowledged turn lost")
    if last < max(acknowledged, default=-1):
        found.add("stale checkpoint")
    if last > max((turn for turn, role in there if role == "assistant"), default=-1):
        found.add("checkpoint ahead")
    if effects - {entry["key"] for entry in entries if entry["role"] == "tool_call"}:
        found.add("duplicate effect")
    return found
