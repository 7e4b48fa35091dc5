"""The ways a crash may leave a home at one moment.

A `Moment` is a disk just before an operation; its candidates say what of the names survives, and
what of each file. A candidate is cheap to count, and costs its files' changed sectors to digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.world.disk.cache import Cut, Disk
from harness.world.disk.choices import (
    Choice,
    Survivor,
    Tier,
    digest,
    ext4_choices,
    posix_choices,
    stopped_choices,
)
from harness.world.disk.names import NameChange, View
from harness.world.syscalls.operations import Operation
from harness.world.tree import Rebuildable

EVERYTHING = "everything written to the others"
NOTHING = "nothing unsynced of the others"
_BEFORE_ALL = -1


@dataclass(frozen=True, slots=True)
class Candidate:
    """One state that a crash may leave: names, a choice for one file, and one for the others."""

    names: str
    view: View
    others: Mapping[int, Choice]
    varied: int | None = None
    choice: Choice | None = None
    rest: str = ""

    @property
    def whole(self) -> bool:
        """Whether it is one of the few in which no file goes its own way."""
        return self.varied is None

    def of(self, file: int) -> Choice:
        """What this one chooses for a file."""
        if file == self.varied and self.choice is not None:
            return self.choice
        return self.others[file]


class Moment:
    """A disk at the moment before operation `at`, ready to be asked for its candidates."""

    def __init__(self, disk: Disk, at: int, lot: str, draws: int, unwanted: Rebuildable) -> None:
        self.disk = disk
        self.at = at
        self._lot = lot
        self._draws = draws
        self._unwanted = unwanted
        self._shares: dict[tuple[str, int, Choice], int] = {}
        self._frames: dict[int, int] = {}
        self._posix: dict[int, list[Choice]] = {}

    @cached_property
    def everything(self) -> dict[int, Choice]:
        """Each file with all its changes."""
        return {n: Choice("prefix", len(file.pending)) for n, file in self.disk.files.items()}

    @cached_property
    def nothing(self) -> dict[int, Choice]:
        """Each file as it was last synced."""
        return dict.fromkeys(self.disk.files, Choice("prefix", 0))

    def see(self, kept: Iterable[int]) -> View:
        """The names with these pending changes, by their numbers."""
        return self.disk.names.see(kept, self._unwanted)

    def survivor(self, file: int, choice: Choice) -> Survivor:
        """What a choice leaves of a file."""
        return Survivor(self.disk.files[file].undecided(), choice, self._lot_of(file))

    def digest(self, candidate: Candidate) -> int:
        """The same for the same directory."""
        total = self._frame(candidate.view)
        for path, file in candidate.view.files:
            total += self._share(path, file, candidate.of(file))
        return total

    def _frame(self, seen: View) -> int:
        known = self._frames.get(id(seen))
        if known is None:
            known = self._frames[id(seen)] = _number(repr((seen.directories, seen.links)).encode())
        return known

    def _share(self, path: str, file: int, choice: Choice) -> int:
        known = self._shares.get((path, file, choice))
        if known is None:
            left = digest(self.disk.files[file], choice, self._lot_of(file))
            known = self._shares[path, file, choice] = _number(path.encode() + b"\0" + left)
        return known

    def _lot_of(self, file: int) -> str:
        return f"{self._lot}:{self.at}:{file}"

    def posix_choices(self, file: int) -> list[Choice]:
        """The mixes of one file."""
        if file not in self._posix:
            self._posix[file] = posix_choices(self.disk.files[file], self._draws)
        return self._posix[file]


def _number(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=16).digest(), "little")


def candidates(moment: Moment, tier: Tier) -> Iterator[Candidate]:
    """All of one moment, in a fixed order: first the few, then names times files times choices."""
    if tier == "kill":
        everything = range(len(moment.disk.names.pending))
        yield Candidate("everything", moment.see(everything), moment.everything)
        return
    yield from _prefixes(moment)
    yield from (_ext4(moment) if tier == "ext4" else _posix(moment))


def stopped(moment: Moment, operation: Operation) -> Iterator[Candidate]:
    """A kill in the midst of the write that was applied last."""
    file = operation.file
    if operation.kind != "write" or operation.error or file is None:
        return
    cached = moment.disk.files[file]
    seen = moment.see(range(len(moment.disk.names.pending)))
    for choice in stopped_choices(cached, moment.at, operation.offset, len(operation.data)):
        yield Candidate("everything", seen, moment.everything, file, choice, EVERYTHING)


def _prefixes(moment: Moment) -> Iterator[Candidate]:
    """Everything until some operation is on disk, whole and in order."""
    disk = moment.disk
    operations = {change.operation for file in disk.files.values() for change in file.pending}
    operations |= {change.operation for change in disk.names.pending}
    for operation in (_BEFORE_ALL, *sorted(operations)):
        kept = [n for n, change in enumerate(disk.names.pending) if change.operation <= operation]
        choices = {
            number: Choice("prefix", file.count_until(operation))
            for number, file in disk.files.items()
        }
        label = f"everything until operation {operation}" if operation >= 0 else "nothing"
        yield Candidate(label, moment.see(kept), choices)


def _posix(moment: Moment) -> Iterator[Candidate]:
    for label, kept in _posix_names(moment.disk.names.pending):
        seen = moment.see(kept)
        yield Candidate(label, seen, moment.everything, rest=EVERYTHING)
        yield Candidate(label, seen, moment.nothing, rest=NOTHING)
        for file in _pending_files(moment, seen):
            for choice in moment.posix_choices(file):
                yield Candidate(label, seen, moment.everything, file, choice, EVERYTHING)
                yield Candidate(label, seen, moment.nothing, file, choice, NOTHING)


def _posix_names(pending: Sequence[NameChange]) -> Iterator[tuple[str, list[int]]]:
    count = len(pending)
    yield "all names", list(range(count))
    for number in range(count):
        last = f"names until operation {pending[number - 1].operation}" if number else "no new name"
        yield last, list(range(number))
    for number in range(count - 1):
        kept = [n for n in range(count) if n != number]
        yield f"all names but of operation {pending[number].operation}", kept


def _ext4(moment: Moment) -> Iterator[Candidate]:
    disk = moment.disk
    pending = disk.names.pending
    journal = {change.operation for change in pending}
    for cached in disk.files.values():
        journal |= {change.operation for change in cached.pending if change.truncates}
    for operation in (*sorted(journal, reverse=True), _BEFORE_ALL):
        count = sum(change.operation <= operation for change in pending)
        seen = moment.see(range(count))
        cut = Cut(disk, operation)
        varying = _pending_files(moment, seen)
        bounds = {file: (cut.floor(file), cut.ceiling(file)) for file in varying}
        high = moment.everything | {f: Choice("prefix", b[1]) for f, b in bounds.items()}
        low = moment.nothing | {f: Choice("prefix", b[0]) for f, b in bounds.items()}
        label = f"journal until operation {operation}" if operation >= 0 else "no new metadata"
        yield Candidate(label, seen, high, rest=EVERYTHING)
        yield Candidate(label, seen, low, rest=NOTHING)
        for file in varying:
            for choice in ext4_choices(disk.files[file], *bounds[file]):
                yield Candidate(label, seen, high, file, choice, EVERYTHING)
                yield Candidate(label, seen, low, file, choice, NOTHING)


def _pending_files(moment: Moment, seen: View) -> list[int]:
    return sorted({file for _, file in seen.files if moment.disk.files[file].pending})
