"""Stores of the kinds that agents use, from naive to hardened, and the conversation they keep.

Every turn is a question and an answer; every fifth runs a tool once, with its call on record before
and its result after; then comes a checkpoint, and the turn is acknowledged.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

TOOL_EVERY = 5
PADDING = "lorem ipsum dolor sit amet " * 20
Say = Callable[[Any], None]


class Store(Protocol):
    """What the conversation needs of a store."""

    def append(self, entry: dict[str, Any]) -> None: ...

    def checkpoint(self, state: dict[str, Any]) -> None: ...


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


class Naive:
    """Appends without fsync, dumps straight over the checkpoint."""

    def __init__(self, home: Path) -> None:
        self.log = home / "turns.jsonl"
        self.state = home / "checkpoint.json"

    def append(self, entry: dict[str, Any]) -> None:
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")

    def checkpoint(self, state: dict[str, Any]) -> None:
        with open(self.state, "w", encoding="utf-8") as file:
            json.dump(state, file)


class Replacing(Naive):
    """A temporary file and a replace, no fsync anywhere."""

    def checkpoint(self, state: dict[str, Any]) -> None:
        temporary = self.state.with_suffix(".tmp")
        temporary.write_text(json.dumps(state), encoding="utf-8")
        os.replace(temporary, self.state)


class Syncing(Naive):
    """Syncs its files, never their directory."""

    def append(self, entry: dict[str, Any]) -> None:
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
            log.flush()
            os.fsync(log.fileno())

    def checkpoint(self, state: dict[str, Any]) -> None:
        temporary = self.state.with_suffix(".tmp")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(json.dumps(state))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.state)


class Hardened:
    """Syncs its files and their directory, in the right order."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = home / "checkpoint.json"
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        self.log = os.open(home / "turns.jsonl", flags, 0o644)
        os.fsync(self.log)
        sync_directory(home)

    def append(self, entry: dict[str, Any]) -> None:
        write_all(self.log, (json.dumps(entry) + "\n").encode())
        os.fsync(self.log)

    def checkpoint(self, state: dict[str, Any]) -> None:
        temporary = self.state.with_suffix(".tmp")
        file = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
        write_all(file, json.dumps(state).encode())
        os.fsync(file)
        os.close(file)
        os.replace(temporary, self.state)
        sync_directory(self.home)


class Retrying(Hardened):
    """Asks again after a failed fsync, and believes the second answer."""

    def append(self, entry: dict[str, Any]) -> None:
        write_all(self.log, (json.dumps(entry) + "\n").encode())
        for _ in range(3):
            try:
                os.fsync(self.log)
                return
            except OSError:
                continue


class Rewriting(Hardened):
    """After a failed fsync takes the entry back and writes it again."""

    def append(self, entry: dict[str, Any]) -> None:
        data = (json.dumps(entry) + "\n").encode()
        end = os.lseek(self.log, 0, os.SEEK_END)
        for _ in range(3):
            if os.lseek(self.log, 0, os.SEEK_END) != end:
                os.ftruncate(self.log, end)
            write_all(self.log, data)
            try:
                os.fsync(self.log)
                return
            except OSError:
                continue


class Sqlite:
    """One database for turns and checkpoint."""

    def __init__(self, home: Path, journal: str, synchronous: str) -> None:
        self.database = sqlite3.connect(home / "state.db", isolation_level=None)
        self.database.execute(f"pragma journal_mode={journal}")
        self.database.execute(f"pragma synchronous={synchronous}")
        self.database.execute("create table if not exists turns(id integer primary key, body text)")
        self.database.execute("create table if not exists state(k int primary key, body text)")

    def append(self, entry: dict[str, Any]) -> None:
        self.database.execute("insert into turns(body) values(?)", (json.dumps(entry),))

    def checkpoint(self, state: dict[str, Any]) -> None:
        self.database.execute("insert or replace into state values(1, ?)", (json.dumps(state),))


def open_store(variant: str, home: Path) -> Store:
    """A store by its name; `sqlite_JOURNAL_SYNCHRONOUS` for the databases."""
    simple: dict[str, Callable[[Path], Store]] = {
        "naive": Naive,
        "replacing": Replacing,
        "syncing": Syncing,
        "hardened": Hardened,
        "retrying": Retrying,
        "rewriting": Rewriting,
    }
    if variant in simple:
        return simple[variant](home)
    _, journal, synchronous = variant.split("_")
    return Sqlite(home, journal, synchronous)


def converse(home: Path, say: Say, variant: str, turns: int) -> None:
    """The conversation; says `["effect", KEY]` and `["ack", TURN]` as the world sees them."""
    store = open_store(variant, home)
    keys = []
    for turn in range(turns):
        store.append({"role": "user", "turn": turn, "content": f"question {turn} {PADDING}"})
        if turn % TOOL_EVERY == 0:
            key = f"t{turn}"
            store.append({"role": "tool_call", "turn": turn, "key": key})
            say(["effect", key])
            store.append({"role": "tool_result", "turn": turn, "key": key})
            keys.append(key)
        answer = f"answer {turn} {PADDING * 2}"
        store.append({"role": "assistant", "turn": turn, "content": answer})
        store.checkpoint({"last_turn": turn, "effects_done": keys, "summary": PADDING})
        say(["ack", turn])
