"""The sweep: every crash of one scenario that the disk can tell apart, each judged.

One run is recorded at system-call level, without the scripted deaths. From its operations come all
directories that a crash of each tier may legally leave; each is laid down once, with the model, the
tools and the clock as they were at the latest crash point that leaves it, and the target is opened
on it: what does it remember, does it answer the message in flight, does what it says then last? At
depth 2 it crashes again meanwhile. A finding's token names tier, number and the trace's shape until
there, so that changed code is told from a mended bug.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from harness.case import BASELINE, parse
from harness.checks.evidence.breach import shape
from harness.checks.judge import judge
from harness.checks.verdict import Finding, Verdict
from harness.lab.crashes.again import RECOVERIES_MAX, Recovered, record_recovery, recover, sample
from harness.lab.crashes.base import Base
from harness.lab.crashes.blame import blame
from harness.lab.crashes.crew import share_out
from harness.lab.crashes.judging import Bench, Judged, a_place
from harness.lab.crashes.real import Strike, confirm
from harness.lab.crashes.warm import warm_life
from harness.report.result import RecoveryCount, Result, StateCount
from harness.world.disk.choices import TIERS, Tier
from harness.world.disk.place import diverged, read_place
from harness.world.disk.states import State, States, state, states
from harness.world.process import Server, Stopped
from harness.world.tree import Tree

T = TypeVar("T")
FICKLE = (
    "the target does not do the same each time, so take what chance or threads decide out of what "
    "it writes"
)
CUT_SHORT = "the sweep was interrupted: this is what it found until then, and not the whole"
STATES_MAX = 2_000
"""States judged a tier, unless told otherwise: a number, never seconds."""
_INITIAL: Mapping[str, Tier] = {"k": "kill", "e": "ext4", "p": "posix"}
_CHOICE = re.compile(r"([kep])(\d+)\.(\d+\.[0-9a-v]+)(?:\.(.+))?")
STRUCK = re.compile(r"r(\d+)\.(\d+\.[0-9a-v]+)")
"""A real kill in a token: the operation, and its place."""
OnState = Callable[[str, int, int], None]
"""Hears what is being done, how many are done, of how many."""


class Interrupted(KeyboardInterrupt):
    """The user stopped it; `result` is what was found until then, and says that it is not whole."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


class Diverged(LookupError):
    """The code has changed since the token was made: its crash point is not the same any more."""


def find_state(base: Base, choice: str, server: Server, home: Path) -> tuple[Base, State]:
    """The base and the state that a token names; Diverged where the code has changed since.

    Of a second crash the recovery is recorded again, in `home`. LookupError where it names none.
    """
    match = _CHOICE.fullmatch(choice)
    if match is None or read_place(match[3]) is None:
        raise LookupError(f"{choice!r} names no state of a sweep, such as `e231.88.3k0f9a1c2b7d`")
    must_lead_to(base, match[3])
    left = state(base.operations, _INITIAL[match[1]], int(match[2]), before=base.before)
    if match[4] is None:
        return base, left
    second = record_recovery(base, left, server, home)
    return find_state(second, match[4], server, home)


def must_lead_to(base: Base, text: str) -> None:
    """Diverged where this code's run does not lead to the place that a token writes."""
    place = read_place(text)
    where = None if place is None else diverged(base.operations, place)
    if place is not None and where is not None:
        raise Diverged(_parted(base, *where, place.at))


def _parted(base: Base, first: int, end: int, at: int) -> str:
    last = end - 1
    more = f" or {last}" if end - first == 2 else f", at the latest at {last}"
    exactly = f"{first}{more if end - first > 1 else ''}"
    now = base.named(first) if first < len(base.operations) else "there is none any more"
    return (
        f"the trace diverged at operation {exactly}: what is done from there on (now: {now}) does "
        f"not lead to the crash before operation {at} that the token names; where the code has "
        f"changed since, sweep again; where not, {FICKLE}"
    )


def sweep(
    base: Base,
    servers: Sequence[Server],
    tiers: Sequence[Tier],
    *,
    states_max: int = STATES_MAX,
    depth: int = 1,
    real: int = 0,
    on_state: OnState = lambda what, done, planned: None,
) -> Result:
    """Judge the base, its states, at depth 2 those of their recoveries, and `real` kills.

    Of a disk that was written unseen only the base and the real kills are judged.
    Interrupted, with what was found until then, where the user stopped it.
    """
    began = time.perf_counter()
    tally = _Tally(base, judge(base.record))
    passed = _Passed(base)
    try:
        for tier in sorted(tiers if base.is_explained else (), key=TIERS.index):
            legal = states(base.operations, tier)
            chosen = sample(legal.distinct, states_max)
            with _so_far(
                [left.number for left in chosen], partial(tally.add, tier, legal)
            ) as judged:
                judged.update(passed.among(chosen))
                others = [left for left in chosen if left.number not in judged]
                _judge(base, others, servers, partial(on_state, tier), judged)
                passed.add(chosen, judged)
            if depth > 1:
                starts = sample(legal.distinct, min(states_max, RECOVERIES_MAX))
                what = f"{tier}, crashing again"
                again = partial(tally.add_again, tier, len(legal))
                with _so_far([left.number for left in starts], again) as recovered:
                    _recover(base, starts, servers, partial(on_state, what), recovered)
        if real:
            points = _points(len(base.operations), real)
            with _so_far(points, tally.add_real) as strikes:
                _strike(base, points, servers, partial(on_state, "real kills"), strikes)
        findings = [explain(base, one, servers[0]) for one in tally.findings()]
    except (KeyboardInterrupt, Stopped) as stopped:
        tally.cut_short()
        raise Interrupted(tally.result(tally.findings(), time.perf_counter() - began)) from stopped
    return tally.result(findings, time.perf_counter() - began)


def explain(base: Base, finding: Finding, server: Server) -> Finding:
    """The finding of one state with what is to blame for it."""
    choice = parse(finding.token).choice
    if choice == BASELINE or choice.startswith("r"):
        return finding
    try:
        with a_place(server) as home:
            begun, left = find_state(base, choice, server, home)
    except Diverged:
        return finding  # the recovery went another way this time: nobody can be blamed for that
    return blame(begun, left, finding, server)


def _points(count: int, most: int) -> Sequence[int]:
    """At most so many operations, evenly spread."""
    return range(0, count, max(1, -(-count // most)))


def merged(played: Result, swept: Result) -> Result:
    """A scenario as scripted and its sweep, as one result: the record is the scripted one's."""
    findings = (*played.verdict.findings, *swept.verdict.findings)
    reasons = tuple(dict.fromkeys((*played.verdict.reasons, *swept.verdict.reasons)))
    own, more = played.verdict.numbers, swept.verdict.numbers
    numbers = dataclasses.replace(
        own,
        crash_points_planned=own.crash_points_planned + more.crash_points_planned,
        crash_points_fired=own.crash_points_fired + more.crash_points_fired,
    )
    verdict = dataclasses.replace(
        played.verdict,
        outcome="fail" if findings else "invalid" if reasons else "pass",
        findings=findings,
        reasons=reasons,
        numbers=numbers,
    )
    return dataclasses.replace(
        swept, record=played.record, verdict=verdict, wall_s=played.wall_s + swept.wall_s
    )


def _judge(
    base: Base,
    chosen: Sequence[State],
    servers: Sequence[Server],
    on_state: Callable[[int, int], None],
    last: dict[int, Judged],
) -> None:
    """The last word on each state, by its number, added to what is known."""

    def work(server: Server, some: Sequence[State]) -> Iterator[Judged]:
        with warm_life(server, base.scenario) as warm:
            bench = Bench(base, server, warm)
            try:
                yield from bench.judge_all(some)
            finally:
                bench.close()

    planned = len(last) + len(chosen)
    for judged in share_out(work, chosen, servers):
        last[judged.number] = judged
        on_state(len(last), planned)


def _recover(
    base: Base,
    starts: Sequence[State],
    servers: Sequence[Server],
    on_state: Callable[[int, int], None],
    found: dict[int, Recovered],
) -> None:
    def work(server: Server, some: Sequence[State]) -> Iterator[Recovered]:
        return recover(server, base, some)

    for one in share_out(work, starts, servers):
        found[one.number] = one
        on_state(len(found), len(starts))


def _strike(
    base: Base,
    points: Sequence[int],
    servers: Sequence[Server],
    on_state: Callable[[int, int], None],
    found: dict[int, Strike],
) -> None:
    def work(server: Server, some: Sequence[int]) -> Iterator[Strike]:
        return confirm(server, base, some)

    for one in share_out(work, points, servers):
        found[one.at] = one
        on_state(len(found), len(points))


class _Passed:
    """The states of earlier tiers that passed, by directory and by what had been said before them.

    Tiers share many a directory, and the target cannot know which crash left it. No check allows
    less after a power cut than after a kill: so the tiers are swept in the order of `TIERS`.
    """

    def __init__(self, base: Base) -> None:
        self._base = base
        self._known: dict[tuple[int, int, int], Verdict] = {}

    def among(self, chosen: Sequence[State]) -> dict[int, Judged]:
        """Those of these that passed already, by number."""
        known = ((left, self._known.get(self._key(left))) for left in chosen)
        return {left.number: Judged.of(left, verdict) for left, verdict in known if verdict}

    def add(self, chosen: Sequence[State], judged: Mapping[int, Judged]) -> None:
        """Those of these that passed."""
        for left in chosen:
            if left.number in judged and judged[left.number].verdict.outcome == "pass":
                self._known[self._key(left)] = judged[left.number].verdict

    def _key(self, left: State) -> tuple[int, int, int]:
        return left.digest, *self._base.said_before(left.at)


class _Tally:
    """What all verdicts come to."""

    def __init__(self, base: Base, verdict: Verdict) -> None:
        self._base = base
        self._verdict = verdict
        self._findings = list(verdict.findings)
        self._reasons = list(verdict.reasons)
        self._states: dict[str, StateCount] = {}
        self._recoveries: dict[str, RecoveryCount] = {}
        self._points: set[int] = set()
        self._complete = base.is_explained

    def cut_short(self) -> None:
        """It was not played to its end, whatever has been found."""
        self._complete = False
        self._reasons.insert(0, CUT_SHORT)

    def add(self, tier: Tier, legal: States, judged: Sequence[Judged]) -> None:
        """The states of one tier."""
        verdicts = [one.verdict for one in judged]
        self._take(verdicts)
        self._points |= {one.at for one in judged}
        self._states[tier] = StateCount(
            len(legal), _broken(verdicts), len(verdicts), legal.planned, legal.tried
        )
        self._complete = self._complete and legal.complete and len(judged) == len(legal)

    def add_again(self, tier: Tier, of: int, recoveries: Sequence[Recovered]) -> None:
        """The states of its recoveries."""
        verdicts = [verdict for one in recoveries for verdict in one.verdicts]
        self._take(verdicts)
        self._recoveries[tier] = RecoveryCount(
            recorded=len(recoveries),
            of=of,
            distinct=sum(one.distinct for one in recoveries),
            violating=_broken(verdicts),
            judged=len(verdicts),
        )

    def add_real(self, strikes: Sequence[Strike]) -> None:
        """Real kills; one that the generator does not know makes all of it invalid."""
        verdicts = [one.verdict for one in strikes]
        self._take(verdicts)
        for one in strikes:
            if one.unknown is not None:
                self._reasons.append(
                    f"a real kill at operation {one.at} left what the model of crashes does not "
                    f"know: {one.unknown}"
                )
        distinct = len({_bytes_of(one.left) for one in strikes})
        self._states["real"] = StateCount(distinct, _broken(verdicts), len(verdicts))

    def findings(self) -> Sequence[Finding]:
        """One of each cause."""
        return _one_a_cause(self._findings)

    def result(self, findings: Sequence[Finding], wall_s: float) -> Result:
        """The verdict on all of it, with the base's record."""
        base = self._base
        planned = len(base.operations) + 1
        # A crash point has fired when all it may leave was judged: at itself, or at a later point
        # that leaves the same.
        fired = planned if self._complete else len(self._points)
        numbers = dataclasses.replace(
            self._verdict.numbers, crash_points_planned=planned, crash_points_fired=fired
        )
        swept = Verdict(
            "fail" if findings else "invalid" if self._reasons else "pass",
            tuple(findings),
            one_a_shape(self._reasons),
            self._verdict.not_applicable,
            numbers,
        )
        loaded = base.loaded
        return Result(
            loaded.path,
            loaded.scenario.name,
            base.record,
            swept,
            wall_s,
            self._states,
            self._recoveries,
        )

    def _take(self, verdicts: Sequence[Verdict]) -> None:
        for verdict in verdicts:
            self._findings += verdict.findings
            self._reasons += verdict.reasons


def _bytes_of(tree: Tree) -> frozenset[tuple[str, bytes]]:
    return frozenset((path, tree.content(path)) for path in tree.names)


def _broken(verdicts: Sequence[Verdict]) -> int:
    return sum(bool(verdict.findings) for verdict in verdicts)


def one_a_shape(reasons: Sequence[str]) -> tuple[str, ...]:
    """The first of those reasons that differ in numbers only: many states have the same."""
    first: dict[str, str] = {}
    for reason in reasons:
        first.setdefault(shape(reason), reason)
    return tuple(first.values())


@contextlib.contextmanager
def _so_far(order: Sequence[int], add: Callable[[Sequence[T]], None]) -> Iterator[dict[int, T]]:
    """A dict to fill; what is in it when the block is over is added, however that came."""
    found: dict[int, T] = {}
    try:
        yield found
    finally:
        add([found[number] for number in order if number in found])


def _one_a_cause(findings: Sequence[Finding]) -> list[Finding]:
    """The first finding of each code, tier and crash place; the others are the same bug again.

    Without a place it is told by its words.
    """
    found: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        found.setdefault(
            (finding.code, finding.tier, finding.where or shape(finding.message)), finding
        )
    return list(found.values())
