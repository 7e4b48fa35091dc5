"""W4, the part of it about waiting: whoever waits on an event loop lets others get on meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from harness.checks.evidence.breach import Breach, counted
from harness.checks.evidence.facts import Evidence, number

STILL_NS_MAX = 100_000_000
"""What a turn's clients may hold up a loop for, in all."""
_SECOND_NS = 1_000_000_000


def stood_still(evidence: Evidence) -> Iterator[Breach]:
    """W4: no client waits for the model on an event loop that cannot go on without it."""
    still: dict[int | None, int] = {}
    first: dict[int | None, int] = {}
    for event in evidence.of("loop.blocked"):
        still[event.turn] = still.get(event.turn, 0) + number(event.data, "ns")
        first.setdefault(event.turn, event.n)
    turns = [turn for turn, ns in still.items() if ns > STILL_NS_MAX]
    if turns:
        turn = turns[0]
        more = f" (and in {counted(len(turns) - 1, 'more turn')})" if len(turns) > 1 else ""
        yield Breach(
            "W4",
            first[turn],
            turn,
            f"turn {turn} held the event loop for {still[turn] / _SECOND_NS:.3g} s while it waited"
            f"{more}: a blocking client in async code, and nobody else's turn gets on meanwhile",
        )
