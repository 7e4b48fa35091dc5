"""The legal states: every directory that a crash of some tier may leave behind, each once.

At the ext4 and posix tiers they are enumerated just before each barrier and at the end: legal
states only grow between barriers. A kill is tried before every operation and within every long
write. A state is judged against the *latest* crash point that yields it: `at` operations had been
issued, and everything the world saw before the next one had been seen.

A state's `number` is its place among the planned candidates of its tier. It depends on the trace's
shape and not on content, so that (tier, number) names it again in another run of the same code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from harness.world.disk.cache import Disk
from harness.world.disk.choices import Survivor, Tier
from harness.world.disk.crash import Candidate, Moment, candidates, stopped
from harness.world.disk.names import View
from harness.world.syscalls.operations import Operation
from harness.world.tree import Rebuildable, Tree, is_rebuildable

CANDIDATES_MAX = 100_000
MIXES = 2
_EMPTY = Tree()


@dataclass(frozen=True)
class State:
    """One directory. `names`, `choice` and `rest` say in words what survived."""

    tier: Tier
    number: int
    at: int
    names: str
    file: str | None
    choice: str
    rest: str
    digest: int
    view: View
    survivors: Mapping[int, Survivor]

    @property
    def files(self) -> dict[str, bytes]:
        """The bytes of each path; made anew at every call."""
        return {path: self.survivors[file].content() for path, file in self.view.files}

    def tree(self) -> Tree:
        """The directory as a value, to lay down or to run on from."""
        contents = {file: left.content() for file, left in self.survivors.items()}
        names, links = dict(self.view.files), dict(self.view.links)
        return Tree(names, contents, frozenset(self.view.directories), links)

    def describe(self) -> str:
        """One sentence for a report."""
        parts = [f"names: {self.names}"]
        if self.file is not None:
            parts.append(f"{self.file}: {self.choice}")
        if self.rest:
            parts.append(self.rest)
        return f"a crash before operation {self.at} leaves {'; '.join(parts)}"


@dataclass(frozen=True)
class States:
    """The distinct states in the order of their crash points; and how many were thought of.

    `planned` candidates exist, `tried` were generated: fewer only where `candidates_max` was hit.
    """

    planned: int
    tried: int
    distinct: tuple[State, ...]

    def __iter__(self) -> Iterator[State]:
        return iter(self.distinct)

    def __len__(self) -> int:
        return len(self.distinct)

    @property
    def complete(self) -> bool:
        """Whether everything planned was tried."""
        return self.tried == self.planned


def states(
    operations: Sequence[Operation],
    tier: Tier,
    *,
    before: Tree = _EMPTY,
    seed: int = 0,
    candidates_max: int = CANDIDATES_MAX,
    mixes: int = MIXES,
    unwanted: Rebuildable = is_rebuildable,
) -> States:
    """All states that a crash of this tier may leave, at any time of these operations.

    `before` is what lay on disk first, synced. `mixes` random choices of sectors are drawn from
    `seed` for each file and moment. Over `candidates_max` an even sample is tried. ValueError for
    operations in a directory that none of them made: ask `replay.unmodelled` first.
    """
    crashes = _Crashes(operations, tier, before, f"{seed}", mixes, unwanted)
    whole = rest = 0
    for _moment, candidate in crashes.all():
        whole, rest = whole + candidate.whole, rest + (not candidate.whole)
    whole_step = -(-whole // candidates_max) if whole else 1
    left = max(1, candidates_max - -(-whole // whole_step))
    rest_step = -(-rest // left) if rest else 1
    found: dict[int, State] = {}
    tried = 0
    wholes, rests = count(), count()
    for number, (moment, candidate) in enumerate(crashes.all()):
        if candidate.whole:
            if next(wholes) % whole_step:
                continue
        elif (next(rests) + seed) % rest_step:
            continue
        tried += 1
        digest = moment.digest(candidate)
        known = found.get(digest)
        if known is None or known.at < moment.at:
            found[digest] = _state(tier, number, moment, candidate, digest)
    ordered = sorted(found.values(), key=lambda state: (state.at, state.number))
    return States(whole + rest, tried, tuple(ordered))


def state(
    operations: Sequence[Operation],
    tier: Tier,
    number: int,
    *,
    before: Tree = _EMPTY,
    seed: int = 0,
    mixes: int = MIXES,
    unwanted: Rebuildable = is_rebuildable,
) -> State:
    """One state again, by its number; LookupError where this trace has no such candidate."""
    crashes = _Crashes(operations, tier, before, f"{seed}", mixes, unwanted)
    for index, (moment, candidate) in enumerate(crashes.all()):
        if index == number:
            return _state(tier, number, moment, candidate, moment.digest(candidate))
    raise LookupError(
        f"the trace of {len(operations)} operations has no {tier} state number {number}: "
        "it is not the trace that the number was taken from"
    )


def left_at_the_end(
    operations: Sequence[Operation],
    tier: Tier,
    *,
    before: Tree = _EMPTY,
    unwanted: Rebuildable = is_rebuildable,
) -> Iterator[Tree]:
    """What a crash after the last operation may leave: some of `states`, without all the others."""
    crashes = _Crashes(operations, tier, before, "0", MIXES, unwanted)
    for moment, candidate in crashes.at_the_end():
        yield _state(tier, 0, moment, candidate, 0).tree()


@dataclass(frozen=True)
class _Crashes:
    operations: Sequence[Operation]
    tier: Tier
    before: Tree
    lot: str
    mixes: int
    unwanted: Rebuildable

    def all(self) -> Iterator[tuple[Moment, Candidate]]:
        """Every candidate of every moment."""
        disk = Disk(self.before, self.tier)
        kill = self.tier == "kill"
        for index, operation in enumerate(self.operations):
            if kill or (operation.barrier and not operation.durable):
                yield from self._at(disk, index)
            disk.apply(index, operation)
            if kill:
                moment = self._moment(disk, index)
                for candidate in stopped(moment, operation):
                    yield moment, candidate
            elif operation.durable:
                yield from self._at(disk, index)
            if kill or operation.barrier:
                disk.promise(index, operation)
        yield from self._at(disk, len(self.operations))

    def at_the_end(self) -> Iterator[tuple[Moment, Candidate]]:
        """Every candidate of the last moment."""
        disk = Disk(self.before, self.tier)
        for index, operation in enumerate(self.operations):
            disk.apply(index, operation)
            if self.tier == "kill" or operation.barrier:
                disk.promise(index, operation)
        yield from self._at(disk, len(self.operations))

    def _at(self, disk: Disk, index: int) -> Iterator[tuple[Moment, Candidate]]:
        moment = self._moment(disk, index)
        for candidate in candidates(moment, self.tier):
            yield moment, candidate

    def _moment(self, disk: Disk, index: int) -> Moment:
        return Moment(disk, index, self.lot, self.mixes, self.unwanted)


def _state(tier: Tier, number: int, moment: Moment, candidate: Candidate, digest: int) -> State:
    survivors = {}
    varied = None
    for path, file in candidate.view.files:
        survivors[file] = moment.survivor(file, candidate.of(file))
        if file == candidate.varied:
            varied = path
    described = ""
    if candidate.varied is not None and candidate.choice is not None:
        described = candidate.choice.describe(moment.disk.files[candidate.varied])
    return State(
        tier,
        number,
        moment.at,
        candidate.names,
        varied,
        described,
        candidate.rest,
        digest,
        candidate.view,
        survivors,
    )
