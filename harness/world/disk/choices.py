"""What a crash may choose, tier by tier: how many changes of a file survive, and which.

- kill: everything latest; the write in flight may stop at a page boundary
- ext4 (data=ordered, delayed allocation, auto_da_alloc): metadata is a prefix of the journal;
  appended data reach the disk before the size that shows them; a rename over an existing file
  writes the file's data out first; sectors overwritten in place come in any order
- posix: any mix: prefixes, one change left out, torn heads and tails, size before data, random ones
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from harness.world.disk.file import (
    PAGE,
    SECTOR,
    Cached,
    Change,
    Undecided,
    content,
    seal,
)

Tier = Literal["kill", "ext4", "posix"]
TIERS: tuple[Tier, ...] = ("kill", "ext4", "posix")


@dataclass(frozen=True, slots=True)
class Choice:
    """One way for a file to survive. `count`: pending changes taken; `detail`: of which kind."""

    kind: Literal["prefix", "stop", "page", "size", "omit", "head", "tail", "mix"]
    count: int
    detail: int = 0

    def describe(self, file: Cached) -> str:
        """In words, with the operation it cuts at."""
        pending = file.pending
        if self.kind == "prefix":
            if self.count == len(pending):
                return "everything written"
            if not self.count:
                return "nothing since its last sync"
            return f"what was written until operation {pending[self.count - 1].operation}"
        if self.kind == "page":
            return f"its size stops at byte {self.detail}"
        if self.kind == "stop":
            return f"operation {pending[self.count].operation} stops at byte {self.detail}"
        if self.kind == "size":
            return "its new size, but none of the data"
        if self.kind == "mix":
            return f"a random mix of sectors (number {self.detail})"
        number = pending[self.count].operation
        if self.kind == "omit":
            return f"everything but operation {number}"
        part = f"the first {self.detail}" if self.kind == "head" else f"all but {self.detail}"
        return f"until operation {number}, of that {part} of its sectors"


@dataclass(frozen=True, slots=True)
class Survivor:
    """What a choice leaves of a file. `lot` seeds the random mixes."""

    file: Undecided
    choice: Choice
    lot: str

    def content(self) -> bytes:
        """The bytes; put together at every call."""
        over, size = _chosen(self.file, self.choice, self.lot)
        return content(self.file.base, over, size)


def digest(file: Cached, choice: Choice, lot: str) -> bytes:
    """The digest of what a choice leaves, without putting it together where that can be."""
    weights = file.weights()
    pending, count = file.pending, choice.count
    if weights is not None:
        if choice.kind == "prefix":
            return seal(weights.sums[count], pending[count - 1].size if count else file.base_size)
        if choice.kind == "page" and count == len(pending):
            return seal(file.below(choice.detail // SECTOR), choice.detail)
        if choice.kind == "omit":
            return seal(weights.without(count, pending), file.size)
        if choice.kind in ("head", "tail"):
            part = _part(pending[count], choice)
            return seal(weights.part(count, pending, part), pending[count].size)
    return file.digest(*_chosen(file.undecided(), choice, lot))


def _chosen(file: Undecided, choice: Choice, lot: str) -> tuple[dict[int, bytes], int]:
    pending = file.pending
    if choice.kind == "prefix":
        return file.prefix(choice.count)
    if choice.kind == "page":
        return file.prefix(choice.count)[0], choice.detail
    if choice.kind == "size":
        return {}, file.size
    if choice.kind == "omit":
        over: dict[int, bytes] = {}
        for number, change in enumerate(pending):
            if number != choice.count:
                over.update(change.sectors)
        return over, file.size
    if choice.kind == "mix":
        return _mixed(file, random.Random(f"{lot}:{choice.detail}"))
    over, size = file.prefix(choice.count)
    change = pending[choice.count]
    if choice.kind == "stop":
        sectors = change.sectors.items()
        over.update({i: data for i, data in sectors if i * SECTOR < choice.detail})
        return over, max(size, choice.detail)
    over.update({i: change.sectors[i] for i in _part(change, choice)})
    return over, change.size


def _part(change: Change, choice: Choice) -> list[int]:
    """The sectors that a torn change leaves."""
    touched = sorted(change.sectors)
    return touched[: choice.detail] if choice.kind == "head" else touched[choice.detail :]


def _mixed(file: Undecided, draw: random.Random) -> tuple[dict[int, bytes], int]:
    size = draw.choice([file.base_size, *(change.size for change in file.pending)])
    over = {
        i: data
        for change in file.pending
        for i, data in change.sectors.items()
        if draw.getrandbits(1)
    }
    return over, size


def stopped_choices(file: Cached, operation: int, offset: int, size: int) -> list[Choice]:
    """Where the last change, a write by this operation, may stop when its process is killed."""
    if not file.pending or file.pending[-1].operation != operation:
        return []
    last = len(file.pending) - 1
    boundaries = range((offset // PAGE + 1) * PAGE, offset + size, PAGE)
    return [Choice("stop", last, at) for at in boundaries]


def posix_choices(file: Cached, draws: int) -> list[Choice]:
    """The mixes that are tried, from nothing to everything; the last one is everything."""
    count = len(file.pending)
    found = [Choice("prefix", number) for number in range(count)]
    if count:
        found.append(Choice("size", 0))
    for number in range(count):
        if count > 1:
            found.append(Choice("omit", number))
        found.extend(_torn(file, number))
    if count:
        found.extend(Choice("mix", 0, number) for number in range(draws))
    return [*found, Choice("prefix", count)]


def ext4_choices(file: Cached, floor: int, ceiling: int) -> list[Choice]:
    """With the journal cut so that changes below `floor` are on disk and above `ceiling` not."""
    found = [Choice("prefix", number) for number in range(floor, ceiling)]
    low = file.pending[floor - 1].size if floor else file.base_size
    high = file.pending[ceiling - 1].size if ceiling else file.base_size
    boundaries = range((low // PAGE + 1) * PAGE, high, PAGE)
    found.extend(Choice("page", ceiling, at) for at in boundaries)
    if ceiling == len(file.pending):
        for number in range(floor, ceiling):
            if _overwrites(file, number, low):
                if ceiling - floor > 1:
                    found.append(Choice("omit", number))
                found.extend(_torn(file, number))
    return [*found, Choice("prefix", ceiling)]


def _torn(file: Cached, number: int) -> list[Choice]:
    touched = len(file.pending[number].sectors)
    cuts = sorted({1, touched // 2, touched - 1} - {0, touched})
    return [
        Choice(kind, number, cut) for cut in cuts if 0 < cut < touched for kind in ("head", "tail")
    ]


def _overwrites(file: Cached, number: int, durable_size: int) -> bool:
    """Whether a change only writes over what the disk already has: no size, no allocation."""
    if any(change.truncates for change in file.pending):
        return False
    if not file.pending[number].sectors:
        return False
    return (max(file.pending[number].sectors) + 1) * SECTOR <= durable_size
