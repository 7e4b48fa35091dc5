"""W1, W2, W4 and W7: what left the target was well formed, within budget, bounded and confined.

A prompt over the model's window is W2's business even where the API refuses it with a 400: its size
is wrong, not its shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.checks.evidence.breach import Breach, Crash, counted, shape
from harness.checks.evidence.facts import Answer, Evidence, canonical
from harness.checks.wire.standstill import stood_still
from harness.record import Event

REJECTED = (400, 404, 413)
DECLINED_RULE = "refused_turn_kept"
ATTEMPTS_A_TURN_MAX = 50
SAME_BODY_MAX = 2
OVER_BUDGET_SHARE_MAX = 0.001
OVER_BUDGET_BY_MAX = 0.05


def requests_accepted(evidence: Evidence) -> Iterator[Breach]:
    """W1: the API rejects no request for its shape; one finding for each rule and wording.

    Nor does it decline one because a turn is still in it that it has declined before.
    """
    groups: dict[tuple[str | None, str], list[Answer]] = {}
    for row in rejected(evidence):
        if not over_window(row):
            groups.setdefault((row.rule, shape(row.error_message or "")), []).append(row)
    for rows in groups.values():
        first = rows[0]
        rule = f" (rule {first.rule})" if first.rule else ""
        yield Breach(
            "W1",
            first.event,
            first.turn,
            f"the API rejected {counted(len(rows), 'request')} with {first.status}{rule}: "
            f"{first.error_message}",
            _crash_behind(evidence, first),
        )
    declined = [row for row in evidence.answers if row.rule == DECLINED_RULE]
    if declined:
        first = declined[0]
        yield Breach(
            "W1",
            first.event,
            first.turn,
            f"the API declined {counted(len(declined), 'request')} (rule {DECLINED_RULE}): a turn "
            "that it had answered with stop_reason refusal was still in the messages, and it "
            "declines whatever carries that",
            _crash_behind(evidence, first),
        )


def window_kept(evidence: Evidence) -> Iterator[Breach]:
    """W2: every request fits the model's window, and the budget in 99.9 % of them, none by far.

    Over the window is over the budget too: where it is, the one finding is about the window.
    """
    over = [row for row in evidence.answers if over_window(row)]
    if over:
        worst = max(over, key=lambda row: row.prompt_tokens - row.context_window)
        yield _too_long(over, worst, f"the model's window of {worst.context_window} tokens")
    elif (budget := evidence.scenario.stack.window_tokens) is not None:
        yield from _over_budget(evidence, budget)


def bounded(evidence: Evidence) -> Iterator[Breach]:
    """W4: no turn hits a bound, asks the model without end, or goes round in a circle."""
    limits: dict[tuple[int | None, object], list[Event]] = {}
    for event in evidence.of("limit"):
        limits.setdefault((event.turn, event.data["bound"]), []).append(event)
    told = {turn for turn, _bound in limits}
    for (turn, _bound), events in limits.items():
        message = str(events[0].data["message"])
        yield Breach("W4", events[0].n, turn, message, evidence.crash_in(turn, events[0].n))
    circles = [row for row in _circles(evidence) if row.turn not in told]
    if circles:
        yield _without_end(circles, f"the same request was answered {SAME_BODY_MAX + 1} times over")
    told |= {row.turn for row in circles}
    crowded = [row for row in _crowded(evidence) if row.turn not in told]
    if crowded:
        yield _without_end(
            crowded, f"the model was asked more than {ATTEMPTS_A_TURN_MAX} times in one turn"
        )
    yield from stood_still(evidence)


def shut_network(evidence: Evidence) -> Iterator[Breach]:
    """W7: nothing leaves the harness; one finding for each address."""
    groups: dict[str, list[Event]] = {}
    for event in evidence.of("network.refused"):
        groups.setdefault(str(event.data["address"]), []).append(event)
    for address, events in groups.items():
        first = events[0]
        count = f", {len(events)} times" if len(events) > 1 else ""
        yield Breach(
            "W7",
            first.n,
            first.turn,
            f"{first.data['what']} tried to reach {address}{count}: nothing may leave the harness",
        )


def rejected(evidence: Evidence) -> Sequence[Answer]:
    """The attempts that the API rejected and no scripted fault did."""
    return [row for row in evidence.answers if row.status in REJECTED and row.fault is None]


def over_window(row: Answer) -> bool:
    """Whether a prompt is longer than the model's window."""
    return 0 < row.context_window < row.prompt_tokens


def attempts(evidence: Evidence) -> Counter[int]:
    """How often the model was asked in each turn."""
    return Counter(row.turn for row in evidence.answers if row.is_message and row.turn is not None)


def _crash_behind(evidence: Evidence, row: Answer) -> Crash | None:
    """The crash that a bad request goes back to: one in its turn or in the turn before."""
    crash = evidence.crash_before(row.event)
    if crash is None or row.turn is None or crash.turn is None:
        return crash
    return crash if row.turn - crash.turn <= 1 else None


def _over_budget(evidence: Evidence, budget: int) -> Iterator[Breach]:
    asked = [row for row in evidence.answers if row.is_message]
    over = [row for row in asked if row.prompt_tokens > budget]
    if not over:
        return
    worst = max(over, key=lambda row: row.prompt_tokens)
    too_many = len(over) > len(asked) * OVER_BUDGET_SHARE_MAX
    if too_many or worst.prompt_tokens > budget * (1 + OVER_BUDGET_BY_MAX):
        yield _too_long(over, worst, f"the budget of {budget} tokens")


def _too_long(over: Sequence[Answer], worst: Answer, bound: str) -> Breach:
    first = over[0]
    return Breach(
        "W2",
        first.event,
        first.turn,
        f"{counted(len(over), 'request')} over {bound}: the worst has {worst.prompt_tokens} "
        f"tokens, in turn {worst.turn}",
    )


def _circles(evidence: Evidence) -> Iterator[Answer]:
    """In each turn and life, the answer at which the same request had been answered too often."""
    groups: dict[tuple[int | None, int], list[Answer]] = {}
    for row in evidence.answers:
        if row.is_message and row.status == 200 and row.fault is None:
            groups.setdefault((row.turn, row.life), []).append(row)
    for rows in groups.values():
        seen: Counter[str] = Counter()
        for row in rows if len(rows) > SAME_BODY_MAX else ():
            body = canonical(evidence.bodies[row.request])
            seen[body] += 1
            if seen[body] == SAME_BODY_MAX + 1:
                yield row


def _crowded(evidence: Evidence) -> Iterator[Answer]:
    """In each turn, the attempt that was one too many."""
    seen: Counter[int | None] = Counter()
    for row in evidence.answers:
        if row.is_message:
            seen[row.turn] += 1
            if seen[row.turn] == ATTEMPTS_A_TURN_MAX + 1:
                yield row


def _without_end(rows: Sequence[Answer], what: str) -> Breach:
    first = rows[0]
    turns = {row.turn for row in rows} - {first.turn}
    also = f" (and in {counted(len(turns), 'more turn')})" if turns else ""
    return Breach("W4", first.event, first.turn, f"turn {first.turn} does not end: {what}{also}")
