"""A real SIGKILL at one operation: what it leaves, and on which source line it strikes.

The run is played again from its start, recorded, and the process is killed as it waits in that
operation, which does not take effect. What lies there then must be a state that the generator knows
for the operations so far (`kill` tier); the script goes on to its end, as after any crash.

What comes after the blow is a warm life's, believed as it is in a sweep (`judging.py`): what ends
badly is struck again and goes on in forks of its own, and so is one strike in `SAMPLE_EVERY`; where
these contradict, all are. What differs in nothing a check looks at is judged once, and that while
the next life is busy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from harness.checks.verdict import Verdict
from harness.lab.crashes.base import Base, begin
from harness.lab.crashes.judging import SAMPLE_EVERY, Passes, a_place, one_behind
from harness.lab.crashes.warm import Warm, warm_life
from harness.lab.faults.deaths import Death
from harness.lab.lives import Ground, Lives, Living, Over
from harness.lab.runner import run
from harness.lab.stage import Stage
from harness.record import Record
from harness.report.folder import Keep
from harness.world.disk.lay_down import lay_down
from harness.world.disk.states import left_at_the_end, states
from harness.world.process import Server, Tracing
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Die
from harness.world.tree import Tree, difference, is_rebuildable, read_tree, write_tree

_NOBODY = -1


@dataclass(frozen=True)
class Strike:
    """One real kill. `left` is what lay there; `unknown` why the generator does not know it."""

    at: int
    verdict: Verdict
    left: Tree
    unknown: str | None


def confirm(server: Server, base: Base, points: Sequence[int]) -> Iterator[Strike]:
    """Kill the run at each of these operations, and judge what comes after.

    One that has come already is to be taken again where it comes again.
    """
    with warm_life(server, base.scenario) as warm:
        strikes = _Strikes(server, base, warm)
        fallen = (
            strikes.strike(at, sampled=place % SAMPLE_EVERY == 0) for place, at in enumerate(points)
        )
        for blow in one_behind(fallen):
            yield from strikes.settle(blow)


@dataclass(frozen=True)
class _Fallen:
    """A blow, `told` when it is first asked for; one that is `sampled` falls again, with forks."""

    at: int
    told: Callable[[], Strike]
    sampled: bool


class _Strikes:
    """Blows to one base, and which of them are believed; `warm` goes on after each, if any."""

    def __init__(self, server: Server, base: Base, warm: Warm | None) -> None:
        self._server = server
        self._base = base
        self._warm = warm
        self._passes = Passes()
        self._believed: list[int] = []

    def strike(self, at: int, *, sampled: bool) -> _Fallen:
        """One blow; what came of it is judged while the next life is busy."""
        with a_place(self._server) as home:
            told = strike(self._server, self._base, at, home, self._warm, self._passes)
        self._server.meanwhile(told)
        return _Fallen(at, told, sampled)

    def settle(self, blow: _Fallen) -> Iterator[Strike]:
        """One that is sure, and before it those that come again, where earlier ones were not."""
        one = blow.told()
        if self._warm is not None and (_is_bad(one) or blow.sampled):
            sure = self._in_forks(blow.at)
            if _is_bad(sure) and not _is_bad(one):
                self._warm = None
                yield from map(self._in_forks, self._believed)
            one = sure
        self._believed.append(blow.at)
        yield one

    def _in_forks(self, at: int) -> Strike:
        with a_place(self._server) as home:
            return strike(self._server, self._base, at, home)()


def _is_bad(one: Strike) -> bool:
    return one.unknown is not None or one.verdict.outcome != "pass"


def strike(
    server: Server,
    base: Base,
    at: int,
    home: Path,
    warm: Warm | None = None,
    passes: Passes | None = None,
) -> Callable[[], Strike]:
    """Kill the run at one operation; the warm life, where there is one, goes on after that.

    `passes` are those of this base. What is returned is judged when it is first asked for.
    """
    struck = _Struck(at, warm=warm)
    record = _play(server, base, home, struck)

    @cache
    def told() -> Strike:
        # All begin alike: what a source left behind is the same, and all since then is told.
        known = passes or Passes()
        verdict = known.verdict(record, base.begins, 0)
        return Strike(at, verdict, struck.left, struck.unknown)

    return told


def record_of_strike(
    server: Server, base: Base, at: int, home: Path, keep: Keep | None = None
) -> Record:
    """The record of a run that was killed at one operation; in `keep` what lay there, and lies."""
    struck = _Struck(at)
    record = _play(server, base, home, struck)
    if keep is not None:
        keep.put("after-crash", partial(write_tree, struck.left))
        keep.copy(home, "after-resume")
    return record


def source_line(server: Server, base: Base, at: int) -> str | None:
    """The line of the target that issues an operation; None where it cannot be told."""
    struck = _Struck(at, once=True)
    with a_place(server) as home:
        _play(server, base, home, struck)
    return struck.where


def _play(server: Server, base: Base, home: Path, struck: _Struck) -> Record:
    choice = f"r{struck.at}.{base.place(struck.at)}"
    case = dataclasses.replace(base.case, choice=choice)
    header = dataclasses.replace(base.header, token=case.token)
    clock = None if struck.warm is None else struck.warm.clock
    if clock is not None:
        clock.begin_at(0)
    told: dict[str, Any] = {"traced": True, "lives": struck.lives, "clock": clock}
    if base.source is None:
        record = Record(header)
        run(base.scenario, record, server, home, **told)
        return record
    first, left = base.source
    lay_down(left, home)
    record, midway = begin(first, left)
    run(first.scenario, record, server, home, midway=midway, **told)
    return record


class _Struck:
    """Where the blow falls, and what is seen of it."""

    def __init__(self, at: int, *, once: bool = False, warm: Warm | None = None) -> None:
        self.at = at
        self.once = once
        self.warm = warm
        self.where: str | None = None
        self.left = Tree()
        self.unknown: str | None = "it never came to that operation"

    def lives(self, ground: Ground, stage: Stage, tracing: Tracing | None) -> Lives:
        """The lives of the case."""
        if tracing is None:
            raise ValueError("only a recorded life can be struck at an operation")
        return _Mortal(self, ground, stage, tracing)

    def look(self, home: Path, before: Tree, operations: Sequence[Operation]) -> None:
        """Is what lies there a state that a kill may leave?"""
        self.left = read_tree(home)[0].without(is_rebuildable)
        # Nearly always it is the last of them, and to find all takes longer than all the rest.
        last = left_at_the_end(operations, "kill", before=before)
        if None in [difference(tree, self.left) for tree in last]:
            self.unknown = None
            return
        legal = states(operations, "kill", before=before)
        wrong = [difference(state.tree(), self.left) for state in legal]
        self.unknown = None if None in wrong else str(wrong[-1])


class _Mortal(Lives):
    """Lives of which the first dies in operation `struck.at`, for good.

    As a swept case they have no forks; and where a warm life follows, whose word is only believed
    when it is good, nobody asks for the line that it died on.
    """

    forks = False

    def __init__(self, struck: _Struck, ground: Ground, stage: Stage, tracing: Tracing) -> None:
        self._struck: _Struck | None = struck
        decide = tracing.decide

        def strikes(operation: Operation) -> Decision:
            waiting = self._struck
            if waiting is None or len(tracing.trace.operations) != waiting.at:
                return decide(operation)
            name = f"{operation.kind} {operation.to or operation.path}"
            stage.dying = Death(_NOBODY, stage.turn or 0, name, None)
            return Die()

        told = dataclasses.replace(tracing, decide=strikes, lines=struck.warm is None)
        super().__init__(ground, stage, told)
        self._heir: Warm | None = None

    def begin(self, ground: Ground, order: Mapping[str, Any], tracing: Tracing | None) -> Living:
        """A life of its own until the blow has fallen; then the warm one, where there is one."""
        if self._heir is None:
            return super().begin(ground, order, tracing)
        return self._heir.begin(order, recalls=self.recalls)

    def crash(self, where: str | None) -> None:
        """The blow has fallen."""
        struck, death = self._struck, self.stage.dying
        if struck is None or death is None or self._life is None or self.trace is None:
            super().crash(where)
            return
        self._struck, self.stage.dying = None, None
        self._life.kill()
        struck.where = where
        if struck.once:
            raise Over
        struck.look(self.ground.home, self.trace.before, self.trace.operations)
        self.crashed(at=death.at, tier="real", fault=None, where=where)
        if struck.warm is not None:
            self._guard.at_the_end(self.trace)
            self._heir = struck.warm
            self._watch(None)
