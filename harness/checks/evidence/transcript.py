"""A history as turns: each user text, and what was said and called until the next one.

A message of role user that carries text starts a turn; one that carries only tool results goes on
with the turn before it; other roles are no part of the conversation. Text is compared as it is, to
the last character.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.protocol import Message
from harness.scenario.plan import Turn

_SQUEEZED_KEPT = 1024
_JOINTS = ("", "\n", "\n\n", " ")


@dataclass(frozen=True)
class Remembered:
    """One turn of a history. `user` is None for what stands before the first user text."""

    user: str | None
    texts: tuple[str, ...] = ()
    """All text blocks of its assistant messages, in order."""
    called: tuple[str, ...] = ()
    """The names of the tools it called."""
    closed: bool = False
    """Whether its last message is the assistant's and calls no tool."""

    @property
    def said(self) -> str:
        """All that the assistant said in it, for a message to show."""
        return "\n".join(self.texts)

    def holds(self, answer: str) -> bool:
        """Whether it ends with this answer, in one block or in several joined."""
        if not answer or answer in self.texts[-1:]:
            return True
        return any(
            joint.join(self.texts[start:]) == answer
            for start in range(len(self.texts))
            for joint in _JOINTS
        )

    def is_part_of(self, turn: Turn, answers: Sequence[str] = ()) -> bool:
        """Whether nothing was said or called here but what the script or an answer says."""
        said = [*(step.text or "" for step in turn.steps), *answers]
        script = "".join(map(squeezed, said))
        names = {call.name for call in turn.calls}
        return all(squeezed(text) in script for text in self.texts) and names.issuperset(
            self.called
        )

    def answers(self, turn: Turn) -> bool:
        """Whether the script's complete answer to the turn is here."""
        return self.closed and bool(turn.final_text) and self.holds(turn.final_text)


def read_turns(messages: Sequence[Message]) -> tuple[Remembered, ...]:
    """The turns of a history, oldest first."""
    return tuple(_read(said) for said in _by_turn(messages))


def _by_turn(messages: Sequence[Message]) -> list[tuple[str | None, list[Message]]]:
    """What the user said, and the messages up to the next time."""
    turns: list[tuple[str | None, list[Message]]] = []
    for message in messages:
        if message.role == "user" and (text := _texts(message)):
            turns.append(("".join(text), []))
        elif message.role in ("user", "assistant"):
            if not turns:
                turns.append((None, []))
            turns[-1][1].append(message)
    return turns


def _read(turn: tuple[str | None, Sequence[Message]]) -> Remembered:
    user, messages = turn
    texts: list[str] = []
    called: list[str] = []
    closed = False
    for message in messages:
        calls = _calls(message)
        called += calls
        closed = message.role == "assistant" and not calls
        if message.role == "assistant":
            texts += _texts(message)
    return Remembered(user, tuple(texts), tuple(called), closed)


def completed(messages: Sequence[Message]) -> int:
    """How many user turns of a history are complete: a user text, and an answer that ends it."""
    return sum(turn.user is not None and turn.closed for turn in read_turns(messages))


def _texts(message: Message) -> tuple[str, ...]:
    if isinstance(message.content, str):
        return (message.content,) if message.content else ()
    return tuple(str(block["text"]) for block in message.content if _type(block) == "text")


def _calls(message: Message) -> tuple[str, ...]:
    if isinstance(message.content, str):
        return ()
    return tuple(str(block["name"]) for block in message.content if _type(block) == "tool_use")


def _type(block: Mapping[str, object]) -> object:
    return block.get("type")


@lru_cache(_SQUEEZED_KEPT)
def squeezed(text: str) -> str:
    """A text without its white space: how it was joined is its owner's affair."""
    return "".join(text.split())
