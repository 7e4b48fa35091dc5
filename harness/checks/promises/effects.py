"""P2: within each tool's declared contract, no effect is doubled or forgotten.

What was asked is what the model really answered: a step answered twice, because its first reply
was lost, asks once. What happened is what took place in the world, repetitions that the world
recognised by their key (`fresh` is false) left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.checks.evidence.breach import Breach, shorten, times
from harness.checks.evidence.facts import CUT_SHORT, Evidence, canonical
from harness.protocol import Contract
from harness.record import Event

Wrong = Literal["doubled", "unasked", "forgotten"]


@dataclass(frozen=True, order=True)
class Deed:
    """One thing to be done in a turn: a tool with an input, in canonical writing."""

    turn: int
    tool: str
    input: str


@dataclass(frozen=True)
class _Wrong:
    kind: Wrong
    deed: Deed
    asked: int
    done: int
    event: int


def exactly_once(evidence: Evidence) -> Iterator[Breach]:
    """P2: one finding for each kind of wrong and each crash that explains it (or none does)."""
    groups: dict[tuple[Wrong, int], list[_Wrong]] = {}
    for wrong in _wrongs(evidence):
        crash = evidence.crash_in(wrong.deed.turn)
        groups.setdefault((wrong.kind, crash.number if crash else 0), []).append(wrong)
    for wrongs in groups.values():
        first = min(wrongs, key=lambda wrong: wrong.event)
        crash = evidence.crash_in(first.deed.turn)
        yield Breach("P2", first.event, first.deed.turn, _told(first, wrongs), crash)


def repeated(evidence: Evidence) -> int:
    """How many effects there were beyond those asked for, whatever the contracts allow."""
    asked = asked_for(evidence)
    return sum(max(0, len(done) - asked[deed]) for deed, done in _effects(evidence).items())


def asked_for(evidence: Evidence, *, whole: bool = False) -> Counter[Deed]:
    """How often the model asked for each deed; `whole`: only in replies not cut by a budget."""
    steps = {
        (row.script_turn, row.step)
        for row in evidence.answers
        if row.status == 200 and not (whole and row.stop_reason in CUT_SHORT)
    }
    asked: Counter[Deed] = Counter()
    for turn, step in steps:
        if turn is not None and step is not None:
            for call in evidence.plan.turn(turn).steps[step].calls:
                asked[Deed(turn, call.name, canonical(dict(call.input)))] += 1
    return asked


def _effects(evidence: Evidence) -> Mapping[Deed, Sequence[Event]]:
    """The fresh effects of each deed, in order."""
    turns = {call.id: turn.number for turn in evidence.plan.turns for call in turn.calls}
    effects: dict[Deed, list[Event]] = {}
    for event in evidence.of("tool.effect"):
        if event.data["fresh"] is True:
            turn = turns.get(str(event.data["call_id"]), event.turn or 0)
            deed = Deed(turn, str(event.data["name"]), canonical(event.data["input"]))
            effects.setdefault(deed, []).append(event)
    return effects


def _wrongs(evidence: Evidence) -> Iterator[_Wrong]:
    asked, effects = asked_for(evidence), _effects(evidence)
    instead: set[tuple[int, str]] = set()
    for deed, done in effects.items():
        if len(done) > asked[deed] and not _may_double(evidence, deed, asked[deed]):
            kind: Wrong = "doubled" if asked[deed] else "unasked"
            if kind == "unasked":
                instead.add((deed.turn, deed.tool))
            yield _Wrong(kind, deed, asked[deed], len(done), done[asked[deed]].n)
    seen = {answer.turn: answer.event for answer in evidence.delivered}
    for deed, wanted in sorted(asked_for(evidence, whole=True).items()):
        count = len(effects.get(deed, ()))
        told_already = (deed.turn, deed.tool) in instead
        forgotten = count < wanted and deed.turn in seen and not told_already
        if forgotten and not _may_forget(evidence, deed):
            yield _Wrong("forgotten", deed, wanted, count, seen[deed.turn])


def _contract(evidence: Evidence, deed: Deed) -> Contract:
    spec = evidence.scenario.tools.get(deed.tool)
    return spec.contract if spec else "at_most_once"


def _may_double(evidence: Evidence, deed: Deed, asked: int) -> bool:
    crashed = deed.turn in evidence.interrupted_turns
    return asked > 0 and crashed and _contract(evidence, deed) == "at_least_once"


def _may_forget(evidence: Evidence, deed: Deed) -> bool:
    crashed = deed.turn in evidence.interrupted_turns
    return crashed and _contract(evidence, deed) == "at_most_once"


def _told(first: _Wrong, wrongs: Sequence[_Wrong]) -> str:
    deed = first.deed
    requests = "one request" if first.asked == 1 else f"{first.asked} requests"
    message = {
        "doubled": f"{deed.tool} ran {times(first.done)} for {requests}",
        "unasked": f"{deed.tool} ran with {shorten(_plain(deed.input))}, and no reply asked for it",
        "forgotten": f"{deed.tool} {f'ran {times(first.done)}' if first.done else 'never ran'} for "
        f"{requests}, and the turn was answered all the same",
    }[first.kind]
    tools = sorted({wrong.deed.tool for wrong in wrongs} - {deed.tool})
    turns = sorted({wrong.deed.turn for wrong in wrongs} - {deed.turn})
    if tools:
        message += f"; the same goes for {', '.join(tools)}"
    if turns:
        message += f" (and in {len(turns)} more turns, the last is turn {turns[-1]})"
    return message


def _plain(canonical_input: str) -> str:
    return json.dumps(json.loads(canonical_input), ensure_ascii=False)
