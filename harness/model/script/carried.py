"""What a request still carries of earlier turns that the API holds against it.

Two things it does not forget while they are sent along: a message that it refuses for what it says
(a scripted 400 or 413), and a turn that it has answered with a refusal before. Of that Anthropic's
documentation says that the turn has to be taken out or reworded before the conversation goes on,
and that it will go on refusing until then. A text that several turns say is held against none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.model.message import Message
from harness.model.script.index import Index
from harness.model.script.place import Place, recognised
from harness.scenario.faults import Fault
from harness.scenario.plan import Plan

ABOUT_THE_MESSAGE = (400, 413)
"""Scripted statuses that are about what a message says, and come again wherever it is sent."""


class Carried:
    """Knows which turns of a scenario may be held against a request."""

    def __init__(self, plan: Plan, index: Index, faults: Iterable[Fault]) -> None:
        self._index = index
        refused = {turn.number for turn in plan.turns if turn.steps[-1].stop == "refusal"}
        poison = {
            fault.http.turn
            for fault in faults
            if fault.http is not None and fault.http.status in ABOUT_THE_MESSAGE
        }
        self._wanted = frozenset(refused | poison)

    def by(self, messages: Sequence[Message], place: Place | None) -> frozenset[int]:
        """The turns before `place` that are held against the request, and are still in it."""
        if place is None or not self._wanted:
            return frozenset()
        said = (recognised(self._index, one)[1] for one in messages if one.role == "user")
        found = {turns[0] for turns in said if len(turns) == 1}
        return frozenset(turn for turn in found & self._wanted if turn < place.turn)
