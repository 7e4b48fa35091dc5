"""S5: two writers never interleave unnoticed.

Of several processes that write to one session at once, each is turned away, waits, or is answered;
what was answered stands in the session afterwards, once and whole, in whatever order. A target that
calls itself a one-writer session (`writers: "one"`) does not let two of them into a turn at once
and answer both. A store that only remembers is held to what it was given: in which order two loops
gave it is not its doing.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.checks.evidence.alignment import Departure, departures
from harness.checks.evidence.breach import Breach
from harness.checks.evidence.facts import Evidence, Together
from harness.checks.evidence.stored import missing_messages


def one_writer(evidence: Evidence) -> Iterator[Breach]:
    """S5: one finding for each time that several processes wrote at once."""
    for together in evidence.together:
        if evidence.store:
            yield from _forgotten(evidence, together)
            continue
        harm = [d for d in departures(evidence) if set(d.turns) & set(together.turns)]
        if harm:
            yield _harm(together, harm[0])
        elif _claims_one(evidence) and (both := _answered_at_once(evidence, together)):
            first, second, event = both
            yield Breach(
                "S5",
                event,
                second,
                f"turns {first} and {second} were answered by two processes at once, and neither "
                'was told of the other: the target says that it has one writer (`writers: "one"`)',
            )


def _forgotten(evidence: Evidence, together: Together) -> Iterator[Breach]:
    for memory in evidence.memories:
        if missing := list(missing_messages(evidence, memory, together.turns)):
            first, count = missing[0], len(together.turns)
            yield Breach(
                "S5",
                memory.event,
                first.turn,
                f"{count} processes wrote at once, and the {first.data['role']}'s message of turn "
                f"{first.turn} is not in {memory.told}, though its append had returned",
            )
            return


def _harm(together: Together, departure: Departure) -> Breach:
    count, turn, memory = len(together.turns), departure.turns[0], departure.memory
    what = f"{memory.told} departs at turn {turn}: {departure.why}"
    if departure.kind == "lost":
        what = f"turn {turn} was answered, and {memory.told} does not hold it"
    elif departure.kind == "twice":
        what = f"in {memory.told} turn {turn} stands twice: {departure.why}"
    return Breach("S5", memory.event, turn, f"{count} processes wrote at once, and {what}")


def _claims_one(evidence: Evidence) -> bool:
    return any(event.data.get("writers") == "one" for event in evidence.of("opened"))


def _answered_at_once(evidence: Evidence, together: Together) -> tuple[int, int, int] | None:
    """Two turns of which one asked the model while the other was being answered; where."""
    inside = evidence.record.events[together.start : together.end]
    asked = {e.turn: e.n for e in reversed(inside) if e.kind == "request.sent"}
    ended = {e.turn: e.n for e in inside if e.kind == "reply.returned"}
    for first in together.turns:
        for second in together.turns:
            both = {first, second} <= asked.keys() & ended.keys()
            if both and first != second and asked[first] < asked[second] < ended[first]:
                return first, second, ended[second]
    return None
