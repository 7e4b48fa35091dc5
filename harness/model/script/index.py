"""The plan, turned round: from a text or a call id to the turns that say it.

A user's text is looked for as it is, then inside what was sent (a stack may wrap it), then by a
long beginning or end (a stack may have shortened an oversize paste). A message that holds the
texts of several turns, or a turn's text with its reply, is nobody's turn: it is a digest, as a
summariser sends.
"""

from __future__ import annotations

from typing import NamedTuple

from harness.scenario.plan import Plan, PlannedStep

SHARED_CHARACTERS_MIN = 32
"""A shortened text keeps at least this much of its beginning or end."""
SHARED_PART_MIN = 0.25
"""And the kept part is at least this much of what was sent."""
MEMO_MAX = 20_000
CALL_ID_STEM = 28
"""Characters by which a scripted call is known: the last two tell repetitions apart."""


class Spot(NamedTuple):
    """A step of a turn: the turn's number from 1, the step's index from 0."""

    turn: int
    step: int


class Index:
    """Finds turns and steps by what was said in them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._users: dict[str, list[int]] = {}
        self._texts: dict[str, list[Spot]] = {}
        self._calls: dict[str, Spot] = {}
        self._beginnings: dict[str, list[int]] = {}
        self._endings: dict[str, list[int]] = {}
        self._found: dict[str, tuple[int, ...]] = {}
        self.paused: set[str] = set()
        """Texts of steps that end with pause_turn: they may be sent back to be continued."""
        for turn in plan.turns:
            self._users.setdefault(turn.user, []).append(turn.number)
            if len(turn.user) >= SHARED_CHARACTERS_MIN:
                beginning = turn.user[:SHARED_CHARACTERS_MIN]
                self._beginnings.setdefault(beginning, []).append(turn.number)
                self._endings.setdefault(turn.user[-SHARED_CHARACTERS_MIN:], []).append(turn.number)
            for number, step in enumerate(turn.steps):
                self._add_step(Spot(turn.number, number), step)

    def _add_step(self, spot: Spot, step: PlannedStep) -> None:
        for call in step.calls:
            self._calls[call.id[:CALL_ID_STEM]] = spot
        if step.text:
            self._texts.setdefault(step.text.strip(), []).append(spot)
            if step.stop == "pause_turn":
                self.paused.add(step.text.strip())

    def steps(self, turn: int) -> tuple[PlannedStep, ...]:
        """The scripted reply of a turn."""
        return self._plan.turn(turn).steps

    def by_call(self, call_id: str) -> Spot | None:
        """The step that makes this call."""
        return self._calls.get(call_id[:CALL_ID_STEM])

    def by_reply(self, text: str) -> list[Spot]:
        """The steps that say this, word for word."""
        return self._texts.get(text.strip(), [])

    def by_user(self, text: str) -> tuple[int, ...]:
        """The turns whose user may have written this, in order; none for a text of no turn."""
        found = self._found.get(text)
        if found is None:
            if len(self._found) >= MEMO_MAX:
                self._found.clear()
            found = self._found[text] = tuple(self._search(text))
        return found

    def _search(self, text: str) -> list[int]:
        exact = self._users.get(text) or self._users.get(text.strip())
        if exact:
            return exact
        held = [planned for planned in self._users if _holds(text, planned)]
        if held:
            last = max((one for one in held if text.rstrip().endswith(one)), key=len, default=None)
            longest = max(held, key=len)
            if last is None and all(one in longest for one in held):
                last = longest
            if last is None or self._is_told(text.replace(last, ""), last):
                return []
            return self._users[last]
        return self._shortened(text)

    def _is_told(self, rest: str, planned: str) -> bool:
        """Whether the rest of a message tells what was replied to the text that it holds."""
        steps = (step for turn in self._users[planned] for step in self.steps(turn))
        return any(step.text and _holds(rest, step.text.strip()) for step in steps)

    def _shortened(self, text: str) -> list[int]:
        best, best_shared = "", 0
        for planned in self._alike(text):
            shared = _shared(text, planned)
            if shared > best_shared:
                best, best_shared = planned, shared
        if best_shared < max(SHARED_CHARACTERS_MIN, len(text) * SHARED_PART_MIN):
            return []
        return self._users[best]

    def _alike(self, text: str) -> set[str]:
        numbers = {
            *self._beginnings.get(text[:SHARED_CHARACTERS_MIN], ()),
            *self._endings.get(text[-SHARED_CHARACTERS_MIN:], ()),
        }
        return {self._plan.turn(number).user for number in numbers}


def _holds(text: str, planned: str) -> bool:
    """Whether the planned text stands in it, not as a part of a longer word."""
    start = text.find(planned)
    while start >= 0:
        end = start + len(planned)
        before = text[start - 1 : start] if start else ""
        if not before.isalnum() and not text[end : end + 1].isalnum():
            return True
        start = text.find(planned, start + 1)
    return False


def _shared(text: str, planned: str) -> int:
    least = min(len(text), len(planned))
    start = next((at for at in range(least) if text[at] != planned[at]), least)
    end = next((at for at in range(least) if text[-1 - at] != planned[-1 - at]), least)
    return min(start + end, least)
