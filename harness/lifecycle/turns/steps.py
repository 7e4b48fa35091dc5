"""The steps of a conversation, one line each, for people and their tools to read.

Nothing more is written for it: every step is in the turn log, durable before the next one is taken,
so the list is complete up to a kill. `jsonl` gives it as JSON Lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.lifecycle.storage.record import Record

_NAMES = {
    "user": "user wrote",
    "assistant": "model replied",
    "continue": "model asked to go on",
    "ask": "model asked",
    "retried": "model call failed",
    "intent": "tool called",
    "result": "tool done",
    "cut": "window cut",
    "finish": "answer left as it is",
    "set_aside": "message set aside",
}


@dataclass(frozen=True)
class Step:
    """One thing that was done. `turn` counts from 1, `at_ns` is nanoseconds since 1970."""

    sequence: int
    at_ns: int
    turn: int
    what: str
    detail: str = ""
    prompt_tokens: int = 0
    output_tokens: int = 0


def steps(records: Iterable[Record]) -> Iterator[Step]:
    """The steps that these records of a turn log tell of, in order."""
    turn = 0
    for record in records:
        kind = str(record.meta.get("kind", record.role))
        turn += kind == "user"
        if kind not in _NAMES:
            continue
        usage = record.meta.get("usage", {})
        yield Step(
            record.sequence,
            record.at_ns,
            turn,
            _NAMES[kind],
            _detail(record, kind),
            sum(usage.get(f"{each}_tokens", 0) for each in ("input", "cache_read", "cache_write")),
            usage.get("output_tokens", 0),
        )


def jsonl(records: Iterable[Record]) -> Iterator[str]:
    """The same as JSON, a line each, without line ends."""
    for step in steps(records):
        yield json.dumps(vars(step), ensure_ascii=False)


def _detail(record: Record, kind: str) -> str:
    if kind == "user":
        return record.id
    if kind in ("intent", "result"):
        state = " failed" if record.meta.get("is_error") else ""
        return f"{record.meta['name']} {record.meta['call_id']}{state}"
    if kind == "cut":
        return f"{record.meta.get('messages', 0)} messages left the window"
    return str(record.meta.get("stop_reason") or record.meta.get("reason") or "")
