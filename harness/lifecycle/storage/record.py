"""One record of the turn log, and reading many of them out of bytes that may be broken."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.lifecycle.errors import MessageRefused
from harness.lifecycle.memory.tokens import Content, count_content
from harness.lifecycle.storage.durable import unseal

TOLD_MAX = 5
_LOG = logging.getLogger("harness.lifecycle")


@dataclass(frozen=True)
class Record:
    """What was said, and when. `record["role"]` reads as well as `record.role`.

    `sequence` counts from 0 in one log, `at_ns` is nanoseconds since 1970, `offset` the byte where
    the record's line begins, `meta` whatever the writer added.
    """

    role: str
    content: Content
    id: str
    sequence: int
    at_ns: int
    tokens: int
    meta: Mapping[str, Any] = field(default_factory=dict)
    offset: int = field(default=0, compare=False)

    def __getitem__(self, key: str) -> Any:
        if key in _FIELDS:
            return getattr(self, key)
        return self.meta[key]

    def as_json(self, version: int) -> dict[str, Any]:
        """The record as the log stores it."""
        return {
            "v": version,
            "sequence": self.sequence,
            "id": self.id,
            "at_ns": self.at_ns,
            "role": self.role,
            "content": self.content,
            "tokens": self.tokens,
            "meta": self.meta,
        }


_FIELDS = ("sequence", "id", "at_ns", "role", "content", "tokens", "meta")


@dataclass(frozen=True)
class Damage:
    """Broken bytes. `line` counts from 1; `torn` where they are the end of the file."""

    line: int
    reason: str
    offset: int
    length: int
    torn: bool = False


@dataclass
class Scan:
    """What some bytes hold: the whole records, the damage, and where a writer goes on."""

    records: list[Record] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    size: int = 0
    good_end: int = 0
    """Everything from this byte on is torn; at most `size`."""
    end: int = 0
    """Where the next record begins, once the tail is cleared and the last newline is there."""
    last_line: bytes | None = None
    last_offset: int = 0
    next_sequence: int = 0
    newest_version: int = 0


def tell(log: object, damage: Sequence[Damage]) -> None:
    """Say aloud what is broken in a log, the first few of it."""
    if damage:
        told = "; ".join(f"line {each.line}: {each.reason}" for each in damage[:TOLD_MAX])
        _LOG.warning("%s: %s", log, told)


def scan(data: bytes, *, base: int = 0, first: int = 0) -> Scan:
    """Read records out of bytes; never raises for what the bytes hold.

    `base` is where in the log they begin, `first` the sequence of the first record there.
    """
    size = base + len(data)
    found = Scan(size=size, next_sequence=first, good_end=base, end=base)
    broken: list[Damage] = []
    offset = base
    for number, line in enumerate(data.split(b"\n"), 1):
        if offset >= size:
            break
        try:
            record = _record(unseal(line), offset, found)
        except (ValueError, KeyError, TypeError) as error:
            broken.append(Damage(number, str(error), offset, len(line)))
        else:
            found.damage += broken
            _check_order(found, record, number, len(broken))
            broken = []
            found.records.append(record)
            found.next_sequence = record.sequence + 1
            found.last_line, found.last_offset = line, offset
            found.good_end = min(offset + len(line) + 1, size)
            found.end = offset + len(line) + 1
        offset += len(line) + 1
    found.damage += [
        Damage(each.line, f"torn at the end: {each.reason}", each.offset, each.length, torn=True)
        for each in broken
    ]
    return found


def _record(value: dict[str, Any], offset: int, found: Scan) -> Record:
    if value["v"] != found.newest_version:
        found.newest_version = max(found.newest_version, int(value["v"]))
    check_shape(value)
    return Record(
        value["role"],
        value["content"],
        value["id"],
        value["sequence"],
        value["at_ns"],
        value["tokens"],
        value["meta"],
        offset,
    )


def check_shape(value: Mapping[str, Any]) -> None:
    """ValueError where a sealed object is no record: others may write sealed lines too."""
    content = value["content"]
    if not (
        type(value["sequence"]) is type(value["at_ns"]) is int
        and type(value["role"]) is type(value["id"]) is str
        and type(value["meta"]) is dict
        and (type(content) is str or (type(content) is list and set(map(type, content)) <= _DICT))
    ):
        raise ValueError("sealed, but not of the shape of a record")


_DICT = {dict}


def own_id(sequence: int) -> str:
    """The id of a record that was given none."""
    return f"r{sequence:08d}"


def is_own_id(record_id: str) -> bool:
    """Whether an id is of that form."""
    return record_id[:1] == "r" and len(record_id) >= 9 and record_id[1:].isdigit()


def counted(content: Content, tokens: int | None) -> int:
    """The tokens of what is to be stored; MessageRefused where it is no content at all."""
    if tokens is not None:
        return tokens
    try:
        return count_content(content)
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise MessageRefused(
            f"expected content that is text or a list of content blocks, got {error}; nothing was "
            "written"
        ) from error


def _check_order(found: Scan, record: Record, number: int, broken: int) -> None:
    """A hole in the numbering that no broken line explains is damage of its own."""
    expected = found.next_sequence
    if not expected <= record.sequence <= expected + broken:
        found.damage.append(
            Damage(
                number,
                f"expected record {expected}, got record {record.sequence}: "
                + ("records are missing" if record.sequence > expected else "written twice"),
                record.offset,
                0,
            )
        )
