"""The base of a sweep: one run recorded at system-call level, and the world at each of its moments.

A base is a whole run of the scenario without its scripted deaths, or the recovery of one state of
such a run (depth 2). Either way it is a record, the disk operations since `before`, and the model
after each of its answers; `moment` is all of that just before an operation reached the kernel.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from harness.case import BASELINE, Case
from harness.lab.runner import Midway, model_of, run
from harness.lab.targets import TargetRef
from harness.model.mock import MockModel
from harness.record import Event, Header, Record
from harness.scenario.faults import Crash, Damage, ToolFault, Writer
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.disk.place import Place, place_of
from harness.world.disk.states import State
from harness.world.process import Server
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Trace
from harness.world.syscalls.rehearsal import choose
from harness.world.tools import Effect
from harness.world.tree import Tree

MOMENTS_KEPT = 64


@dataclass(frozen=True)
class Moment:
    """What the world had seen when operation `at` was about to reach the kernel."""

    at: int
    events: Sequence[Event]
    effects: Sequence[Effect]
    elapsed_ns: int
    turn: int | None
    in_flight: bool
    sending: int
    model: MockModel
    operation: str
    said: int
    """How many events there are that a check may look at."""
    lives: int
    requests: int
    wrong_by_ns: int
    """By how much the machine's clock had been set wrong."""


@dataclass(frozen=True, eq=False)
class Base:
    """The one recorded run. `begins` is the number of its first event in `record`."""

    loaded: Loaded
    scenario: Scenario
    target: TargetRef
    case: Case
    record: Record
    before: Tree
    operations: Sequence[Operation]
    answered: Sequence[tuple[int, MockModel]]
    begins: int = 0
    recovered: Mapping[str, Any] | None = None
    """What was remembered by the recovery that this is the record of; None for a whole run."""
    source: tuple[Base, State] | None = None
    """Of a recovery: from what it recovers."""

    @cached_property
    def disk(self) -> Sequence[Event]:
        """The events of the operations, one each."""
        return [event for event in self.record.of("disk") if event.n >= self.begins]

    @cached_property
    def is_explained(self) -> bool:
        """Whether the operations say all that became of the disk: no state is known otherwise."""
        return not any(self.record.of("unmodelled"))

    @cached_property
    def header(self) -> Header:
        """The header of every case that begins here, but for its token."""
        return self.record.header

    @cached_property
    def crashes(self) -> int:
        """How many crashes lie behind it."""
        return sum(1 for _ in self.record.of("crashed"))

    def place(self, at: int) -> Place:
        """An operation's place in the trace, for a token."""
        place: Place = self._place(at)
        return place

    @cached_property
    def _place(self) -> Any:
        return lru_cache(MOMENTS_KEPT)(lambda at: place_of(self.operations, at))

    def moment(self, at: int) -> Moment:
        """The world just before operation `at`; the model in it is to be copied, not asked."""
        moment: Moment = self._moment(at)
        return moment

    @cached_property
    def _moment(self) -> Any:
        return lru_cache(MOMENTS_KEPT)(self._look)

    def _look(self, at: int) -> Moment:
        before = self._events_before(at)
        last = before[-1].n if before else -1
        place = bisect.bisect_right(self.answered, last, key=lambda entry: entry[0]) - 1
        said = [event for event in before if not is_silent(event)]
        received = [event for event in said if event.kind == "user.received"]
        delivered = {event.turn for event in said if event.kind == "reply.delivered"}
        turn = received[-1].turn if received else None
        return Moment(
            at=at,
            events=before,
            effects=[Effect(**e.data) for e in said if e.kind == "tool.effect"],  # type: ignore[arg-type]
            elapsed_ns=before[-1].at_ns if before else 0,
            turn=turn,
            in_flight=turn is not None and turn not in delivered,
            sending=sum(1 for event in received if event.turn == turn),
            model=self.answered[place][1],
            operation=self.named(at),
            said=len(said),
            lives=max((event.life for event in said), default=0),
            requests=sum(1 for event in said if event.kind == "request.sent"),
            wrong_by_ns=sum(int(str(e.data["ns"])) for e in said if e.kind == "clock.set"),
        )

    def said_before(self, at: int) -> tuple[int, int]:
        """How many events that a check may look at came before operation `at`, and the time then.

        Two moments of which that is the same differ in nothing but disk operations.
        """
        count = self._count_before(at)
        return self._said[count], self.record.events[count - 1].at_ns if count else 0

    @cached_property
    def _said(self) -> Sequence[int]:
        return [*accumulate((not is_silent(event) for event in self.record.events), initial=0)]

    def _events_before(self, at: int) -> Sequence[Event]:
        return self.record.events[: self._count_before(at)]

    def _count_before(self, at: int) -> int:
        if at < len(self.disk):
            return self.disk[at].n
        finals = (e.n for e in self.record.of("history") if e.data["final"])
        return next(finals, len(self.record.events))

    def named(self, at: int) -> str:
        """An operation in two words: `write log.jsonl`."""
        if at >= len(self.operations):
            return "the end"
        operation = self.operations[at]
        return f"{operation.kind} {operation.to or operation.path}"


def record_base(loaded: Loaded, target: TargetRef, case: Case, server: Server, home: Path) -> Base:
    """Play the scenario once without its scripted deaths, and keep every disk operation."""
    scenario = without_deaths(loaded.scenario)
    header = Header(
        token=dataclasses.replace(case, choice=BASELINE).token,
        scenario=loaded.scenario.dump(),
        scenario_path=loaded.path,
        target=target.name,
        seed=case.seed,
        fidelity=choose().fidelity,
        volatile={"target": target.option},
    )
    record = Record(header)
    model = model_of(scenario, case.seed)
    answered = keep_answers(record, model)
    trace = run(scenario, record, server, home, model=model, traced=True)
    before, operations = what_was_done(trace)
    return Base(loaded, scenario, target, case, record, before, operations, answered)


def keep_answers(record: Record, model: MockModel) -> list[tuple[int, MockModel]]:
    """The model as it is now, and from now on after each of its answers, by the event's number."""
    answered = [(len(record.events) - 1, model.copy())]

    def keep(event: Event) -> None:
        if event.kind == "model.answered":
            answered.append((event.n, model.copy()))

    record.sink = keep
    return answered


def what_was_done(trace: Trace | None) -> tuple[Tree, Sequence[Operation]]:
    """What lay there first, and the operations since."""
    return (Tree(), ()) if trace is None else (trace.before, tuple(trace.operations))


def without_deaths(scenario: Scenario) -> Scenario:
    """The scenario without its deaths and its other processes; other faults keep their place."""
    never = {"turn": 2**31}
    # A crash that never comes needs no recorder either.
    nowhere = {**never, "at": "user.received", "disk": "kill", "state": None}
    faults = tuple(
        fault.model_copy(
            update={
                fault.kind: fault.what.model_copy(
                    update=nowhere if isinstance(fault.what, Crash) else never
                )
            }
        )
        if isinstance(fault.what, Crash | ToolFault | Damage | Writer)
        else fault
        for fault in scenario.faults
    )
    return scenario.model_copy(update={"faults": faults})


def case_of_state(base: Base, left: State) -> Case:
    """The case of beginning with that state."""
    earlier = "" if base.source is None else f"{base.case.choice}."
    choice = f"{earlier}{left.tier[0]}{left.number}.{base.place(left.at)}"
    return dataclasses.replace(base.case, choice=choice)


def is_silent(event: Event) -> bool:
    """Whether no check looks at it: a disk operation without an error is for none to judge."""
    return event.kind == "disk" and event.data["error"] is None


def begin(base: Base, left: State) -> tuple[Record, Midway]:
    """The record of what came before a state, and where its case begins."""
    moment = base.moment(left.at)
    header = dataclasses.replace(base.header, token=case_of_state(base, left).token)
    record = Record(header, [*moment.events])
    midway = Midway(
        model=moment.model.copy(),
        effects=moment.effects,
        elapsed_ns=moment.elapsed_ns,
        index=_index(moment),
        in_flight=moment.in_flight,
        sending=moment.sending,
        turn=moment.turn,
        at=moment.operation,
        tier=left.tier,
        state=left.describe(),
        crashes=base.crashes,
        recovered=base.recovered if base.recovered and _recovering(base, moment, left) else None,
        lives=moment.lives,
        requests=moment.requests,
        wrong_by_ns=moment.wrong_by_ns,
    )
    return record, midway


def _recovering(base: Base, moment: Moment, left: State) -> bool:
    """Whether all that was done until then was done to recover: nothing since it was asked.

    What comes after that, resume() first, may rightly add to what is remembered.
    """
    since = [event.kind for event in moment.events[base.begins :]]
    asked = since.index("history") if "history" in since else len(since)
    within = left.tier == "kill" and bool(left.choice)
    return not ({*since[asked:]} & _GOES_ON) and not (within and asked < len(since))


_GOES_ON = {"disk", "resumed", "resume.failed", "request.sent", "tool.called", "user.received"}


def _index(moment: Moment) -> int:
    number = moment.turn or 0
    return number - 1 if moment.in_flight else number
