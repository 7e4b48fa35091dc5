"""One file between page cache and disk.

Model: since the file's last sync, each 512-byte sector on disk holds *some* version that it had in
the page cache, and so does its size. A `Cached` file is what is surely on disk (`base`) and the
changes since, each with the sectors it left in the cache. A failed fsync marks the pages clean all
the same: what they hold stays undecided, later successful fsyncs included, until they are written
again. (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.)
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, islice

SECTOR = 512
PAGE = 4096
ZEROS = bytes(SECTOR)
ROW = 64
"""Sectors that are shared or copied together."""
_EMPTY_ROW = (ZEROS,) * ROW
_DIGEST_BYTES = 16
_MASK = (1 << 8 * _DIGEST_BYTES) - 1

Sectors = Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Change:
    """One operation's doing: the sectors as it left them in the cache, the size after it."""

    operation: int
    truncates: bool
    sectors: Sectors
    size: int


@dataclass(frozen=True, slots=True)
class Stable:
    """What is surely on disk, sector by sector, zeros where nothing was written. Never changes.

    `over` gives another that shares all rows in which nothing differs: a sweep holds one for every
    sync of a run, and copies of whole files would cost memory and time in their square.
    """

    rows: tuple[tuple[bytes, ...], ...] = ()

    def sector(self, number: int) -> bytes:
        """One sector."""
        row = number // ROW
        return self.rows[row][number % ROW] if row < len(self.rows) else ZEROS

    def over(self, sectors: Sectors) -> Stable:
        """The same with these sectors."""
        changed: dict[int, list[bytes]] = {}
        for number, data in sectors.items():
            row = number // ROW
            if row not in changed:
                changed[row] = list(self.rows[row] if row < len(self.rows) else _EMPTY_ROW)
            changed[row][number % ROW] = data
        missing = max(changed, default=-1) + 1 - len(self.rows)
        rows = [*self.rows, *[_EMPTY_ROW] * missing]
        for row, now in changed.items():
            rows[row] = tuple(now)
        return Stable(tuple(rows))


def content(base: Stable, over: Sectors, size: int) -> bytes:
    """The bytes of a file of this size: sectors over others, zeros where there are none."""
    rows = (base.over(over) if over else base).rows
    sectors = islice(chain.from_iterable(rows), -(-size // SECTOR))
    return b"".join(sectors)[:size].ljust(size, b"\0")


@dataclass(frozen=True, slots=True)
class Undecided:
    """A file at one moment: what is surely on disk, and the changes that may be. Never changes."""

    base: Stable
    base_size: int
    pending: tuple[Change, ...]
    size: int

    def prefix(self, count: int) -> tuple[dict[int, bytes], int]:
        """The sectors over the base, and the size, after so many pending changes."""
        over: dict[int, bytes] = {}
        for change in self.pending[:count]:
            over.update(change.sectors)
        return over, self.pending[count - 1].size if count else self.base_size


@dataclass(frozen=True, slots=True)
class Weights:
    """What the pending changes do to a file's digest, one by one.

    `sums[n]` is the digest's sum after n changes; `older[n]` holds what change n covered; `last`
    the change that wrote a sector last.
    """

    sums: tuple[int, ...]
    older: tuple[Sectors, ...]
    last: Mapping[int, int]

    def part(self, number: int, changes: Sequence[Change], sectors: Iterable[int]) -> int:
        """The sum with the changes before `number`, and of that one only these sectors."""
        new, old = changes[number].sectors, self.older[number]
        return self.sums[number] + sum(_weight(i, new[i]) - _weight(i, old[i]) for i in sectors)

    def without(self, number: int, changes: Sequence[Change]) -> int:
        """The sum with all changes but this one, as far as no later one covers it."""
        new, old = changes[number].sectors, self.older[number]
        alone = [i for i in new if self.last[i] == number]
        return self.sums[-1] + sum(_weight(i, old[i]) - _weight(i, new[i]) for i in alone)


class Cached:
    """A file as the kernel holds it. Sectors are replaced, never changed in place."""

    def __init__(self, content: bytes = b"") -> None:
        self.base = Stable()
        self.base_size = 0
        self.pending: list[Change] = []
        self.size = 0
        self._current: dict[int, bytes] = {}
        self._failed: set[int] = set()
        self._base_sum = 0
        self._frozen: Undecided | None = None
        self._weighed: Weights | None = None
        self._below: list[int] | None = None
        if content:
            self.write(-1, 0, content)
            self.sync()

    def write(self, operation: int, offset: int, data: bytes) -> None:
        """Data into the cache."""
        sectors: dict[int, bytes] = {}
        end = offset + len(data)
        for i in range(offset // SECTOR, -(-end // SECTOR)):
            low, high = max(offset, i * SECTOR), min(end, (i + 1) * SECTOR)
            piece = data[low - offset : high - offset]
            if len(piece) < SECTOR:
                old = self._current.get(i, ZEROS)
                piece = old[: low - i * SECTOR] + piece + old[high - i * SECTOR :]
            sectors[i] = piece
        self._change(operation, False, sectors, max(self.size, end))

    def truncate(self, operation: int, size: int) -> None:
        """A new size; what is cut off reads as zeros should the file grow again."""
        sectors = {
            i: old[: max(0, size - i * SECTOR)].ljust(SECTOR, b"\0")
            for i, old in self._current.items()
            if (i + 1) * SECTOR > size and old != ZEROS
        }
        self._change(operation, True, sectors, size)

    def sync(self) -> None:
        """What is in the cache is on disk, but for what a failed fsync left undecided."""
        kept = [change for change in self.pending if change.operation in self._failed]
        if not kept:
            self.commit(len(self.pending))
            return
        again = {i for change in self.pending if change not in kept for i in change.sectors}
        sure = {i: self._current[i] for i in again}
        self._become(sure, self.size)
        reduced = (
            replace(
                change,
                sectors={i: data for i, data in change.sectors.items() if i not in again},
                size=self.size,
                truncates=False,
            )
            for change in kept
        )
        self.pending = [change for change in reduced if change.sectors]

    def fail(self) -> None:
        """An fsync failed: everything pending is undecided from here on."""
        self._failed |= {change.operation for change in self.pending}

    def commit(self, count: int) -> None:
        """The first changes are on disk."""
        if count:
            over, size = self.prefix(count)
            self.pending = self.pending[count:]
            self._become(over, size)

    def count_until(self, operation: int) -> int:
        """How many pending changes are by this operation or earlier ones."""
        return bisect_right(self.pending, operation, key=lambda change: change.operation)

    def prefix(self, count: int) -> tuple[dict[int, bytes], int]:
        """The sectors over the base, and the size, after so many pending changes."""
        return self.undecided().prefix(count)

    def undecided(self) -> Undecided:
        """The file as it is at this moment."""
        if self._frozen is None:
            self._frozen = Undecided(self.base, self.base_size, tuple(self.pending), self.size)
        return self._frozen

    def weights(self) -> Weights | None:
        """What each change weighs; None where a size cuts sectors off, then nothing adds up."""
        if self._failed or any(change.truncates for change in self.pending):
            return None
        if self._weighed is None:
            sums, older, last, now = [self._base_sum], [], {}, dict[int, bytes]()
            for number, change in enumerate(self.pending):
                covered = {i: now.get(i) or self.base.sector(i) for i in change.sectors}
                gain = sum(
                    _weight(i, d) - _weight(i, covered[i]) for i, d in change.sectors.items()
                )
                sums.append(sums[-1] + gain)
                older.append(covered)
                last.update(dict.fromkeys(change.sectors, number))
                now.update(change.sectors)
            self._weighed = Weights(tuple(sums), tuple(older), last)
        return self._weighed

    def below(self, sector: int) -> int:
        """The sum, with all changes, of the sectors before this one."""
        if self._below is None:
            over, _size = self.prefix(len(self.pending))
            every = ((i, over.get(i) or self.base.sector(i)) for i in range(self._end(over)))
            weights = (_weight(i, data) for i, data in every)
            self._below = [*accumulate(weights, initial=0)]
        return self._below[sector]

    def digest(self, over: Sectors, size: int) -> bytes:
        """The same for the same content, another (but for a chance of 2**-64) for another."""
        total = self._base_sum
        base = self.base
        for i, data in over.items():
            total += _weight(i, data) - _weight(i, base.sector(i))
        for i in range(size // SECTOR, self._end(over)):
            # What the size cuts off, wholly or in part.
            data = over[i] if i in over else base.sector(i)
            total -= _weight(i, data)
            total += _weight(i, data[: max(0, size - i * SECTOR)].ljust(SECTOR, b"\0"))
        return seal(total, size)

    def _end(self, over: Sectors) -> int:
        """The sector after the last that holds anything."""
        return max(-(-self.base_size // SECTOR), max(over, default=-1) + 1)

    def _change(
        self, operation: int, truncates: bool, sectors: dict[int, bytes], size: int
    ) -> None:
        self._current.update(sectors)
        self.size = size
        self.pending.append(Change(operation, truncates, sectors, size))
        self._frozen = self._weighed = self._below = None

    def _become(self, sure: Sectors, size: int) -> None:
        for i, data in sure.items():
            self._base_sum += _weight(i, data) - _weight(i, self.base.sector(i))
        self.base, self.base_size = self.base.over(sure), size
        self._frozen = self._weighed = self._below = None


def seal(total: int, size: int) -> bytes:
    """A digest from the sum of its sectors' weights and a size."""
    return (total & _MASK).to_bytes(_DIGEST_BYTES, "little") + size.to_bytes(8, "little")


_weights: dict[tuple[int, bytes], int] = {}
_WEIGHTS_MAX = 1 << 16


def _weight(index: int, data: bytes) -> int:
    """A sector's share of a digest: zeros weigh nothing, so that holes equal written zeros."""
    known = _weights.get((index, data))
    if known is None:
        if len(_weights) >= _WEIGHTS_MAX:
            _weights.clear()
        known = 0
        if data != ZEROS:
            salt = index.to_bytes(8, "little")
            hashed = hashlib.blake2b(data, digest_size=_DIGEST_BYTES, salt=salt)
            known = int.from_bytes(hashed.digest(), "little")
        _weights[index, data] = known
    return known
