"""A warm life: one process of the target that is handed state after state.

A fork costs ten times what opening a state costs, so a life begins again on the next state instead:
what was open is closed, the wall clock, the seed and the world are put back, and a new session is
opened in another directory. What the process itself remembers (a module's globals, a cache, a
thread left behind) is not put back, and so may hide a broken promise or invent one. Therefore a
warm life is never the only witness of a finding: whatever ends badly is played again in a fork of
its own, and so is a sample of what ends well (`judging.py`), where a difference gives the warm life
up for the rest of the sweep. After `STATES_A_LIFE` states a new one is forked.

A crash of a warm life is a copy of its directory as it lies there, with the process left to itself.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.lab.faults.deaths import needs_recorder
from harness.lab.lives import Ground, Lives, Living
from harness.lab.stage import Stage
from harness.scenario.schema import Scenario
from harness.world.clock import VirtualClock
from harness.world.process import Answer, Life, Outcome, Returned, Server, Tracing
from harness.world.tree import Tree, read_tree, write_tree

STATES_A_LIFE = 1_000


@contextlib.contextmanager
def warm_life(server: Server, scenario: Scenario) -> Iterator[Warm | None]:
    """A warm life for as long as the block lasts; None where a fault needs lives of its own."""
    if needs_recorder(scenario.faults):
        yield None
        return
    warm = Warm(server, scenario)
    try:
        yield warm
    finally:
        warm.close()


class Warm:
    """A life that outlives its cases, and the clock that it shares with them."""

    def __init__(self, server: Server, scenario: Scenario) -> None:
        self.server = server
        self.clock = VirtualClock(scenario.clock.start)
        self.copies = Path(tempfile.mkdtemp(dir=server.root))
        """Where what killed lives leave is copied to: beside no home, so that nobody strayed."""
        self._life: Life | None = None
        self._lent: _Lent | None = None
        self._begun = 0
        self.capabilities: frozenset[str] | None = None
        """What its target offers, where that is known."""
        self.is_spoken_to = True
        """Whether something is said to it once it has been asked what it remembers."""

    def lives(self, ground: Ground, stage: Stage, tracing: Tracing | None) -> Lives:
        """The lives of one case; ValueError for a traced one, whose process must really die."""
        if tracing is not None:
            raise ValueError("a traced case needs lives of its own: only a real death ends a trace")
        return _Handed(self, ground, stage, None)

    def begin(self, order: Mapping[str, Any], *, recalls: bool) -> _Lent:
        """The life, to begin again with this order; a new one where there is none, it is old, or a
        case that broke off left answers that nobody heard.

        `recalls`: the case asks right after `open` what it remembers.
        """
        clock, ahead = self.clock, []
        owes = self._lent is not None and self._lent.owes
        if self._life is None or not self._life.alive or owes or self._begun >= STATES_A_LIFE:
            self.retire()
            self._begun = 0
            self._life = Life(self.server, clock, order)
        else:
            again = {key: order[key] for key in ("home", "seed", "life")}
            again |= {"do": "again", "epoch_ns": clock.epoch_ns, "origin_ns": clock.origin_ns}
            ahead = [again]
        self._begun += 1
        self._lent = _Lent(self._life, self, ahead, recalls=recalls)
        return self._lent

    def next_asked(self, do: str, *, recalls: bool) -> Iterator[str]:
        """What a case asks right after this command, whatever comes of it but an error."""
        if do == "open" and recalls:
            yield from ("history", *self._offered("checkpoint", "resume"))
            if not self.is_spoken_to and self.capabilities is not None:
                yield from (*self._offered("usage"), "close")
        elif do == "usage":
            yield "close"

    def _offered(self, *names: str) -> Iterator[str]:
        return (name for name in names if name in (self.capabilities or ()))

    def retire(self) -> None:
        """End the life; the next case gets a new one."""
        if self._life is not None:
            self._life.kill()
            self._life = None

    def close(self) -> None:
        """End the life for good."""
        self.retire()
        self.clock.close()
        shutil.rmtree(self.copies, ignore_errors=True)


class _Handed(Lives):
    """The lives of a case in a warm life. A killed one leaves a copy of its directory behind."""

    def __init__(self, warm: Warm, ground: Ground, stage: Stage, tracing: Tracing | None) -> None:
        super().__init__(ground, stage, tracing)
        self._warm = warm
        self._left: Tree | None = None
        self._where = ground.home

    def begin(self, ground: Ground, order: Mapping[str, Any], _tracing: Tracing | None) -> Living:
        """The warm life, on the home or on what a killed one left of it."""
        if self._left is not None:
            self._where = Path(tempfile.mkdtemp(dir=self._warm.copies))
            write_tree(self._left, self._where)
            self._left = None
        return self._warm.begin({**order, "home": str(self._where)}, recalls=self.recalls)

    def kill(self) -> None:
        """Take a copy of what lies there now."""
        if self._left is None:
            self._left, _ = read_tree(self._where)

    def end(self) -> None:
        """Leave no copy."""
        if self._where != self.ground.home:
            shutil.rmtree(self._where, ignore_errors=True)


class _Lent:
    """The warm life as one case has it: it may ask, and not end it.

    What is always asked in one breath is sent in one breath: after `open` what it remembers and
    whether it goes on by itself, and at the end what it keeps books of. The answers are handed out
    when they are asked for, in the same order.
    """

    def __init__(
        self, life: Life, warm: Warm, ahead: list[dict[str, Any]], *, recalls: bool
    ) -> None:
        self._life = life
        self._warm = warm
        self._begin = ahead
        self._recalls = recalls
        self._asked: deque[Mapping[str, Any]] = deque()

    @property
    def said_something(self) -> bool:
        """Whether it has written anything in this case or before."""
        return self._life.said_something

    @property
    def owes(self) -> bool:
        """Whether something was asked of it in one breath and its answer never taken."""
        return bool(self._asked)

    def ask(self, command: Mapping[str, Any], answer: Answer) -> Outcome:
        """As a life of its own would answer."""
        if self._asked:
            if self._asked.popleft() != command:
                raise RuntimeError(f"a case asked {command['do']} where another was foreseen")
            return self._kept(command, self._life.hear(answer))
        following = self._warm.next_asked(command["do"], recalls=self._recalls)
        breath = [command, *({"do": one} for one in following)]
        if len(breath) == 1 and not self._begin:
            return self._life.ask(command, answer)
        self._asked.extend(breath[1:])
        begin, self._begin = self._begin, []
        outcome = self._life.ask_series([*begin, *breath], answer)
        for _ in begin:
            if isinstance(outcome, Returned):
                outcome = self._life.hear(answer)
        return self._kept(command, outcome)

    def kill(self) -> None:
        """It lives on."""

    def quit(self) -> None:
        """It lives on."""

    def _kept(self, command: Mapping[str, Any], outcome: Outcome) -> Outcome:
        if not isinstance(outcome, Returned):
            # A series ends with its first error.
            self._asked.clear()
        elif command["do"] == "open":
            self._warm.capabilities = frozenset(outcome.value["capabilities"])
        return outcome
