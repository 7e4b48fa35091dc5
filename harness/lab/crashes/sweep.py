"""The sweep: every crash of one scenario that the disk can tell apart, each judged.

One run is recorded at system-call level, without the scripted deaths. From its operations come all
directories that a crash of each tier may legally leave; each is laid down once, with the model, the
tools and the clock as they were at the latest crash point that leaves it, and the target is opened
on it: what does it remember, does it answer the message in flight, does it go on? A finding's token
names tier, number and the trace's shape, so that changed code is told from a mended bug.
"""

from __future__ import annotations

import bisect
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.case import BASELINE, Case
from harness.checks.judge import judge
from harness.checks.verdict import Finding, Verdict
from harness.lab.runner import Midway, model_of, run
from harness.lab.targets import TargetRef
from harness.model.mock import MockModel
from harness.record import Event, Header, Record
from harness.report.result import Result, StateCount
from harness.scenario.faults import Crash, Damage, ToolFault
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.disk.choices import Tier
from harness.world.disk.lay_down import lay_down
from harness.world.disk.states import State, state, states
from harness.world.process import Server
from harness.world.syscalls.operations import Operation, fingerprint
from harness.world.syscalls.rehearsal import choose
from harness.world.tools import Effect

STATES_MAX = 2_000
"""States judged a tier, unless told otherwise: a number, never seconds."""
_INITIAL: Mapping[str, Tier] = {"k": "kill", "e": "ext4", "p": "posix"}


class Diverged(LookupError):
    """The code has changed since the token was made: its crash point is not the same any more."""


@dataclass(frozen=True)
class Base:
    """The one recorded run: its record, its operations, and the model after each answer."""

    loaded: Loaded
    target: TargetRef
    case: Case
    record: Record
    operations: Sequence[Operation]
    disk: Sequence[Event]
    answered: Sequence[tuple[int, MockModel]]
    shape: str


def record_base(loaded: Loaded, target: TargetRef, case: Case, server: Server, home: Path) -> Base:
    """Play the scenario once without its scripted deaths, and keep every disk operation."""
    scenario = loaded.scenario
    record = Record(_header(loaded, target, dataclasses.replace(case, choice=BASELINE)))
    model = model_of(scenario, case.seed)
    answered: list[tuple[int, MockModel]] = [(-1, model.copy())]

    def keep(event: Event) -> None:
        if event.kind == "model.answered":
            answered.append((event.n, model.copy()))

    record.sink = keep
    trace = run(without_deaths(scenario), record, server, home, model=model, traced=True)
    operations = [] if trace is None else trace.operations
    disk = list(record.of("disk"))
    return Base(loaded, target, case, record, operations, disk, answered, fingerprint(operations))


def without_deaths(scenario: Scenario) -> Scenario:
    """The scenario with every scripted death put off for ever; other faults keep their place."""
    never = {"turn": 2**31}
    faults = tuple(
        fault.model_copy(update={fault.kind: fault.what.model_copy(update=never)})
        if isinstance(fault.what, Crash | ToolFault | Damage)
        else fault
        for fault in scenario.faults
    )
    return scenario.model_copy(update={"faults": faults})


def crash_into(base: Base, left: State, server: Server, home: Path) -> Record:
    """Begin with that state: the record of what comes before, the crash, and what came after."""
    choice = f"{left.tier[0]}{left.number}.{base.shape}"
    record = Record(
        _header(base.loaded, base.target, dataclasses.replace(base.case, choice=choice))
    )
    before = _events_before(base, left.at)
    record.events.extend(before)
    lay_down(left, home)
    scenario = without_deaths(base.loaded.scenario)
    run(scenario, record, server, home, midway=_midway(base, before, left))
    return record


def find_state(base: Base, choice: str) -> State:
    """The state that a token's choice names; Diverged where the code has changed since."""
    name, _, shape = choice.partition(".")
    if shape != base.shape:
        raise Diverged(
            f"the trace diverged: the token was made of a run of shape {shape}, this code's run "
            f"has shape {base.shape}: its operations are not the same any more, so sweep again"
        )
    return state(base.operations, _INITIAL[name[0]], int(name[1:]))


def sweep(
    base: Base,
    tiers: Sequence[Tier],
    states_max: int,
    judge_all: Callable[[Sequence[State]], Iterator[tuple[State, Verdict]]],
) -> Result:
    """Judge the base and its states; `judge_all` crashes into them, in any order it likes."""
    began = time.perf_counter()
    verdict = judge(base.record)
    findings = list(verdict.findings)
    reasons = list(verdict.reasons)
    counts: dict[str, StateCount] = {}
    points: set[int] = set()
    complete = True
    planned = len(base.operations) + 1
    for tier in tiers:
        legal = states(base.operations, tier)
        chosen = _sample(legal.distinct, states_max)
        broken = 0
        for left, judged in judge_all(chosen):
            points.add(left.at)
            broken += bool(judged.findings)
            findings += judged.findings
            reasons += judged.reasons
        counts[tier] = StateCount(len(legal.distinct), broken, len(chosen))
        complete = complete and legal.complete and len(chosen) == len(legal.distinct)
    findings = _one_a_cause(findings)
    outcome = "fail" if findings else "invalid" if reasons else "pass"
    # A crash point has fired when all it may leave was judged: at itself, or at a later point that
    # leaves the same.
    fired = planned if complete else len(points)
    numbers = dataclasses.replace(
        verdict.numbers, crash_points_planned=planned, crash_points_fired=fired
    )
    swept = Verdict(
        outcome,  # type: ignore[arg-type]
        tuple(findings),
        tuple(dict.fromkeys(reasons)),
        verdict.not_applicable,
        numbers,
    )
    wall_s = time.perf_counter() - began
    name = base.loaded.scenario.name
    return Result(base.loaded.path, name, base.record, swept, wall_s, counts)


def _header(loaded: Loaded, target: TargetRef, case: Case) -> Header:
    return Header(
        token=case.token,
        scenario=loaded.scenario.dump(),
        scenario_path=loaded.path,
        target=target.name,
        seed=case.seed,
        fidelity=choose().fidelity,
        volatile={"target": target.option},
    )


def _events_before(base: Base, at: int) -> list[Event]:
    """Everything that was seen before operation `at` reached the kernel."""
    if at < len(base.disk):
        return base.record.events[: base.disk[at].n]
    end = next((e.n for e in base.record.of("history") if e.data["final"]), None)
    return base.record.events[:end]


def _midway(base: Base, before: Sequence[Event], left: State) -> Midway:
    last = before[-1].n if before else -1
    place = bisect.bisect_right(base.answered, last, key=lambda entry: entry[0]) - 1
    received = [event for event in before if event.kind == "user.received"]
    delivered = {event.turn for event in before if event.kind == "reply.delivered"}
    turn = received[-1].turn if received else None
    in_flight = turn is not None and turn not in delivered
    number = 0 if turn is None else turn
    sending = sum(1 for event in received if event.turn == turn)
    return Midway(
        model=base.answered[place][1].copy(),
        effects=[_effect(event) for event in before if event.kind == "tool.effect"],
        elapsed_ns=before[-1].at_ns if before else 0,
        index=number - 1 if in_flight else number,
        in_flight=in_flight,
        sending=sending,
        turn=turn,
        at=_point(base, left.at),
        tier=left.tier,
        state=left.describe(),
    )


def _effect(event: Event) -> Effect:
    return Effect(**event.data)  # type: ignore[arg-type]


def _point(base: Base, at: int) -> str:
    if at == len(base.operations):
        return "the end"
    operation = base.operations[at]
    return f"{operation.kind} {operation.to or operation.path}"


def _sample(all_of_them: Sequence[State], most: int) -> Sequence[State]:
    step = -(-len(all_of_them) // most) if all_of_them else 1
    return all_of_them[::step]


def _one_a_cause(findings: Sequence[Finding]) -> list[Finding]:
    """The first finding of each code, tier and crash place; the others are the same bug again."""
    found: dict[tuple[str, str, str | None], Finding] = {}
    for finding in findings:
        found.setdefault((finding.code, finding.tier, finding.where), finding)
    return list(found.values())
