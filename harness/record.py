"""The record: one append-only list of events, written before anyone judges.

One run of one case is one record. The header names the case and carries the whole scenario, so a
stored record can be judged again with nothing else at hand. Events are numbered from 0 in the one
order in which the runner saw them; `at_ns` is virtual time since the scenario's start. Nothing in
an event depends on the machine: what does (paths, process ids, wall time) stands in the header's
`volatile` and nowhere else, so that two runs of one case give the same bytes but for that field.
"""

from __future__ import annotations

import itertools
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from harness.files import Unreadable, read_file, storable

VERSION = 1
BYTES_MAX = 1024 * 1024 * 1024
"""Of a stored record that is read again."""
NAME = "record.jsonl"
LOOKED_AT_MAX = 10_000
"""So many names in a folder are looked at for a record to propose."""

KINDS = {
    "life.started": "a process was forked; `life` counts from 1",
    "opened": "the target opened: capabilities, store, private_modes, options, "
    "writers, acknowledges",
    "open.failed": "opening raised: error, trace, where (the target's own line)",
    "history": "what the target remembers: messages, after_crash (n-th crash, or null), final",
    "history.failed": "asking for the history raised: error, trace, where",
    "checkpoint": "its checkpoint, nulls where there is none: turn_number, tool_state, after_crash",
    "checkpoint.failed": "asking for the checkpoint raised: error, trace, where",
    "forked": "a second process on a copy of what is left, told the same: after_crash, body (what "
    "it first asked the model, as text, or null)",
    "resumed": "resume() returned: answer (text or null), after_crash",
    "resume.failed": "resume() raised: error, trace, where",
    "usage": "the target's own books: the fields of protocol.Usage",
    "waited": "the script waited: ns",
    "clock.set": "the machine's wall clock was set forward or back: ns",
    "user.received": "a user message reached the target: message_id, text, sending (1, 2, …)",
    "request.sent": "a request left the target: request (number), method, path, body",
    "model.answered": "the model's ledger row for that request: request, retry_after (seconds it "
    "was told to wait, or null), and all of LedgerRow",
    "reply.started": "its first byte reached the target: request",
    "reply.received": "its last byte reached the target: request",
    "tool.called": "the target called a tool: call_id, name, input, contract",
    "tool.effect": "the tool's effect took place in the world: call_id, name, input, result, fresh",
    "tool.done": "its result reached the target: call_id, name",
    "disk": "a disk operation took effect, or failed: operation, path, to, offset, size, error",
    "message.stored": "a store's append() returned, its acknowledgement: role, content",
    "strayed": "something outside the home was read or changed: operation, path (from the home)",
    "exposed": "others may use what a target calls private: path, mode",
    "unmodelled": "the recorded operations do not explain the home: path (or null), why",
    "reply.returned": "send() returned, the target's acknowledgement: message_id, text",
    "reply.delivered": "the user saw it: message_id, text",
    "send.failed": "send() raised: message_id, error, trace, where",
    "damaged": "a file was spoilt at rest and a life opened on it: path, offset, size, what, "
    "fault, loud (whether that life wrote anything to its output), after_crash",
    "read": "what the turn's send() read from files, where the scenario asks for it: bytes",
    "neighbour": "another session spoke in the same home: session, says, error, messages (all that "
    "it remembers then)",
    "redelivered": "an old message arrived once more, under its id: message_id, of (its turn)",
    "redelivery.over": "what came of that: answer, or error",
    "loop.blocked": "a client waited on the event loop, which stood still meanwhile: ns",
    "network.refused": "something tried to leave the harness: address, what",
    "fault.fired": "a scripted fault took place: fault (index in the scenario), what",
    "crashed": "the process was killed: at, tier, crash (n-th, from 1), fault, where (a line); "
    "and in a swept case the state of the disk, in words",
    "writers": "several processes write to the session from here on: turns",
    "writer.refused": "one of several processes was not let write: error, during (the command)",
    "writers.over": "all of these processes are gone",
    "recovered": "a crash during a recovery is next; what that recovery remembers without it: "
    "messages, checkpoint (as in `checkpoint`, or null)",
    "died": "the process ended by itself: status, stderr, during (the command)",
    "limit": "a bound of the harness was hit: bound, value, message",
    "closed": "close() returned",
    "close.failed": "close() raised: error, trace, where",
    "ended": "the script was played to its end",
    "broke": "the harness itself broke: error, trace",
}
"""Every kind of event and what its data carries."""


@dataclass(frozen=True)
class Event:
    """One thing that happened. `turn` is the user turn it belongs to (from 1), or None."""

    n: int
    at_ns: int
    life: int
    turn: int | None
    kind: str
    data: Mapping[str, object]


@dataclass(frozen=True)
class Header:
    """Which case this is. `volatile` holds all that differs between two runs of one case."""

    token: str
    scenario: Mapping[str, object]
    scenario_path: str
    target: str
    seed: int
    fidelity: str
    volatile: Mapping[str, object] = field(default_factory=dict)
    version: int = VERSION


class RecordError(ValueError):
    """A stored record cannot be read: the message names the file, the line and the remedy."""


@dataclass
class Record:
    """A header and its events. `add` is the only way in; a sink sees each event as it is added."""

    header: Header
    events: list[Event] = field(default_factory=list)
    sink: Callable[[Event], None] | None = None

    def add(
        self,
        kind: str,
        data: Mapping[str, object] | None = None,
        /,
        *,
        at_ns: int,
        life: int,
        turn: int | None,
        **more: object,
    ) -> Event:
        """Append one event and return it; an unknown kind is a KeyError.

        Its data are `data` and the other keywords; a key that is also a parameter goes in `data`.
        """
        KINDS[kind]
        event = Event(len(self.events), at_ns, life, turn, kind, {**(data or {}), **more})
        self.events.append(event)
        if self.sink is not None:
            self.sink(event)
        return event

    def of(self, *kinds: str) -> Iterator[Event]:
        """The events of these kinds, in order."""
        return (event for event in self.events if event.kind in kinds)

    def write(self, path: Path) -> None:
        """Store as JSON Lines: the header, then one event a line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as stream:
            dump(self, stream)


def _line(value: Mapping[str, object]) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return f"{storable(text)}\n"


def dump(record: Record, stream: IO[str]) -> None:
    """Write a record to an open text stream, header first."""
    stream.write(_line({"header": vars(record.header)}))
    for event in record.events:
        stream.write(_line(vars(event)))


def read(path: Path) -> Record:
    """Read a stored record; RecordError names the line that is not one."""
    if path.is_dir():
        raise RecordError(f"{path}: expected a {NAME}, got a folder{_in_it(path)}")
    try:
        lines = read_file(path, BYTES_MAX).decode("utf-8").split("\n")
    except Unreadable as error:
        raise RecordError(f"{path}: expected a record.jsonl, {error}") from error
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: cannot be read as a record: {error}") from error
    if lines and not lines[-1]:
        lines.pop()
    record: Record | None = None
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
            if record is None:
                record = Record(_header(value["header"]))
            else:
                record.events.append(Event(**value))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise RecordError(
                f"{path}:{number}: expected {'the header' if number == 1 else 'an event'} of a "
                f"record of version {VERSION}, got {line[:60]!r} ({error}); "
                "store it again with `harness run --report DIR`"
            ) from error
    if record is None:
        raise RecordError(f"{path}:1: expected the header of a record, got an empty file")
    return record


def _in_it(folder: Path) -> str:
    """What to say of a folder: the record that lies nearest its top, or that none does."""
    folders, left = deque([str(folder)]), LOOKED_AT_MAX
    while folders:
        try:
            with os.scandir(folders.popleft()) as found:
                entries = sorted(itertools.islice(found, left + 1), key=lambda one: one.name)
        except OSError:
            continue
        held = next((one.path for one in entries if one.name == NAME and one.is_file()), None)
        if held is not None:
            return f"; name the file in it, such as {held}"
        left -= len(entries)
        if left < 0:
            return " without one near its top; name a file"
        folders.extend(one.path for one in entries if one.is_dir(follow_symlinks=False))
    return " without one; name a file"


def _header(value: Mapping[str, object]) -> Header:
    header = Header(**value)  # type: ignore[arg-type]
    if header.version != VERSION:
        raise ValueError(f"version {header.version}")
    return header
