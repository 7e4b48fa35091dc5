"""Crashing again while the target recovers from a crash: the recovery of a state, recorded.

The recovery of a state, and the first turn after it, is a base as the whole run is: from its
operations come the states that a second crash may leave. A second crash before anything is said or
asked changes nothing (P6): what is remembered then is what one recovery without it remembers. One
in the turn or after it may lose what was not acknowledged, and nothing else (S1, S3).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.checks.judge import judge
from harness.checks.verdict import Verdict
from harness.lab.crashes.base import Base, begin, case_of_state, keep_answers, what_was_done
from harness.lab.crashes.judging import Bench, Judged, a_place
from harness.lab.crashes.warm import Warm, warm_life
from harness.lab.runner import run
from harness.record import Record
from harness.world.disk.lay_down import lay_down
from harness.world.disk.states import State, states
from harness.world.process import Server

RECOVERIES_MAX = 60
"""Recoveries recorded a tier: an even sample of the states of the first crash."""
STATES_MAX = 40
"""States judged of one recovery: an even sample."""


@dataclass(frozen=True)
class Recovered:
    """The recovery of the state of this number: how many states a second crash may leave, how many
    of these were judged, and what of it."""

    number: int
    distinct: int
    judged: int
    verdicts: Sequence[Verdict]


def recover(server: Server, base: Base, chosen: Sequence[State]) -> Iterator[Recovered]:
    """Record the recovery of each state, and judge what a second crash in it does."""
    with warm_life(server, base.scenario) as warm:
        for left in chosen:
            yield _recover_one(server, base, left, warm)


def _recover_one(server: Server, base: Base, left: State, warm: Warm | None) -> Recovered:
    with a_place(server) as home:
        second = record_recovery(base, left, server, home)
    if not second.is_explained:
        return Recovered(left.number, 0, 0, [judge(second.record)])
    legal = states(second.operations, left.tier, before=second.before)
    chosen = sample(legal.distinct, STATES_MAX)
    bench = Bench(second, server, warm)
    try:
        last: dict[int, Judged] = {}
        for judged in bench.judge_all(chosen):
            last[judged.number] = judged
    finally:
        bench.close()
    verdicts = [judged.verdict for judged in last.values()]
    return Recovered(left.number, len(legal), len(chosen), verdicts)


def record_recovery(base: Base, left: State, server: Server, home: Path) -> Base:
    """Recover from a state once, and go on for a turn; every disk operation of it is kept."""
    lay_down(left, home)
    record, midway = begin(base, left)
    begins = len(record.events)
    answered = keep_answers(record, midway.model)
    trace = run(base.scenario, record, server, home, midway=midway, traced=True)
    record.sink = None
    before, operations = what_was_done(trace)
    return dataclasses.replace(
        base,
        case=case_of_state(base, left),
        record=record,
        before=before,
        operations=operations,
        answered=answered,
        begins=begins,
        recovered=_remembered(record, begins),
        source=(base, left),
    )


def _remembered(record: Record, begins: int) -> dict[str, object] | None:
    """What the recovery remembers; None where it cannot even say."""
    since = record.events[begins:]
    histories = [event.data["messages"] for event in since if event.kind == "history"]
    saved = [event.data for event in since if event.kind == "checkpoint"]
    if not histories:
        return None
    checkpoint = {key: saved[0][key] for key in ("turn_number", "tool_state")} if saved else None
    return {"messages": histories[0], "checkpoint": checkpoint}


def sample(all_of_them: Sequence[State], most: int) -> Sequence[State]:
    """At most so many, evenly spread."""
    step = -(-len(all_of_them) // most) if all_of_them else 1
    return all_of_them[::step]
