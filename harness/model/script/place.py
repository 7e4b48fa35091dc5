"""Where in the script a history stands: read from the request alone, never from a counter.

The turn is that of the last user text that the script knows (so that "Continue." and tool results
belong to the turn before them). The step is how far the assistant has come since then; a text that
was cut is continued where the history's copy stops. A retry, or a process that was born again,
sends the same history and so hears the same reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from harness.model.message import Message
from harness.model.script.index import Index, Spot
from harness.scenario.plan import PlannedStep


class Place(NamedTuple):
    """The next step of a turn, and how many characters of its text were already said."""

    turn: int
    step: int
    said: int = 0


def find_place(
    index: Index, messages: Sequence[Message], spoken_turn: int | None = None
) -> Place | None:
    """What is to be said next; None where no line of the script fits.

    `spoken_turn`, the turn that the user wrote last, only decides between turns whose user texts
    are the same and that the history does not tell apart.
    """
    for number in range(len(messages) - 1, -1, -1):
        message = messages[number]
        if message.role != "user":
            continue
        text, turns = recognised(index, message)
        if turns:
            turn = turns[0]
            if len(turns) > 1:
                turn = _among(index, messages[:number], text, turns, spoken_turn)
            return _progress(index, turn, messages[number + 1 :])
    return None


def recognised(index: Index, message: Message) -> tuple[str, tuple[int, ...]]:
    """The text of a user's message that the script knows, and the turns that may have said it."""
    texts = [block["text"] for block in message.blocks if block["type"] == "text"]
    for text in reversed(texts):
        turns = index.by_user(text)
        if turns:
            return text, turns
    if len(texts) > 1:
        whole = "\n".join(texts)
        return whole, index.by_user(whole)
    return "", ()


def _among(
    index: Index,
    before: Sequence[Message],
    text: str,
    turns: tuple[int, ...],
    spoken_turn: int | None,
) -> int:
    known, since = _last_known(index, before)
    later = [turn for turn in turns if turn > known]
    if spoken_turn is not None:
        later = [turn for turn in later if turn <= spoken_turn] or later[:1]
    if not later:
        return turns[-1]
    if known == 0 and spoken_turn is not None:
        return later[-1]
    answered = sum(
        1
        for place in range(since, len(before) - 1)
        if before[place].role == "user"
        and before[place + 1].role == "assistant"
        and recognised(index, before[place])[0] == text
    )
    return later[min(answered, len(later) - 1)]


def _last_known(index: Index, before: Sequence[Message]) -> tuple[int, int]:
    """The last turn that the history names beyond doubt, and where it goes on after it."""
    for number in range(len(before) - 1, -1, -1):
        message = before[number]
        if message.role == "assistant":
            spots = _spots(index, message)
            if len({spot.turn for spot in spots}) == 1:
                return spots[0].turn, number + 1
        elif message.role == "user":
            turns = recognised(index, message)[1]
            if len(turns) == 1:
                return turns[0], number + 1
    return 0, 0


def _spots(index: Index, message: Message) -> list[Spot]:
    for block in message.blocks:
        if block["type"] == "tool_use" and (spot := index.by_call(block["id"])):
            return [spot]
    return index.by_reply(_text(message))


def _text(message: Message) -> str:
    return "".join(block["text"] for block in message.blocks if block["type"] == "text")


def _progress(index: Index, turn: int, after: Sequence[Message]) -> Place | None:
    steps = index.steps(turn)
    place = Place(turn, 0)
    for message in after:
        if message.role == "assistant":
            place = _advance(index, place, steps, message)
    return place if place.step < len(steps) else None


def _advance(index: Index, place: Place, steps: tuple[PlannedStep, ...], message: Message) -> Place:
    turn, step, said = place
    for block in message.blocks:
        if block["type"] == "tool_use":
            spot = index.by_call(block["id"])
            if spot is not None and spot.turn == turn:
                return Place(turn, max(step, spot.step + 1))
    spoken = _text(message)
    text = spoken.strip()
    if not text or step >= len(steps):
        return place if not text else Place(turn, step + 1)
    whole = steps[step].text or ""
    rest = whole[said:]
    start = len(rest) - len(rest.lstrip())
    if rest.startswith(spoken) or rest.startswith(text, start):
        said += len(spoken) if rest.startswith(spoken) else start + len(text)
        unfinished = whole[said:].strip() or steps[step].calls
        return Place(turn, step, said) if unfinished else Place(turn, step + 1)
    for later in range(step, len(steps)):
        if text == (steps[later].text or "").strip():
            return Place(turn, later + 1)
    return Place(turn, step + 1)
