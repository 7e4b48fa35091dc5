"""A store's acknowledgements: each append that returned, and the later histories that lack it.

Only a store that acknowledges by the message is held to this; what a turn's answer acknowledges is
laid out in `alignment`, and what a history found wrong there lacks is not told again here. Two
messages are the same when role, text and the ids of their calls and results are: how blocks are
written is the store's own affair.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from harness.checks.evidence.facts import Evidence, Memory
from harness.checks.evidence.known import once_for_each
from harness.protocol import Message
from harness.record import Event

Key = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True)
class Lost:
    """Messages that one history lacks, though their append had returned before."""

    memory: Memory
    messages: tuple[Event, ...]

    @property
    def told(self) -> str:
        """The first of them: `the assistant's message of turn 3`."""
        first = self.messages[0]
        return f"the {first.data['role']}'s message of turn {first.turn}"


def lost_messages(evidence: Evidence, wrong: Container[Memory] = ()) -> Iterator[Lost]:
    """Each message once, at the first history that lacks it, unless that one is `wrong` anyway."""
    if not _by_the_message(evidence):
        return
    stored = [(event, _key_of(event)) for event in evidence.of("message.stored")]
    gone: set[int] = set()
    for memory in evidence.memories:
        # What was lost once is not looked for again: its second copy is another message.
        asked = [(e, key) for e, key in stored if e.n < memory.event and e.n not in gone]
        missing = tuple(_missing(asked, [_key(message) for message in memory.messages]))
        gone.update(event.n for event in missing)
        if missing and memory not in wrong:
            yield Lost(memory, missing)


def missing_messages(
    evidence: Evidence, memory: Memory, turns: Container[int | None]
) -> Iterator[Event]:
    """What a store was given in these turns before a history that does not hold it anywhere."""
    held = [_key(message) for message in memory.messages]
    for event in evidence.of("message.stored"):
        if event.n < memory.event and event.turn in turns and _key_of(event) not in held:
            yield event


def _by_the_message(evidence: Evidence) -> bool:
    return evidence.store and any(
        event.data.get("acknowledges") == "message" for event in evidence.of("opened")
    )


def _missing(stored: Sequence[tuple[Event, Key]], held: Sequence[Key]) -> Iterator[Event]:
    """What is stored and not held, in its order: a message that moved forward is missing."""
    place = 0
    for event, key in stored:
        try:
            place = held.index(key, place) + 1
        except ValueError:
            yield event


@once_for_each
def _key_of(event: Event) -> Key:
    content = cast("str | list[dict[str, object]]", event.data["content"])
    return _key(Message(str(event.data["role"]), content))


def _key(message: Message) -> Key:
    if isinstance(message.content, str):
        return message.role, message.content, ()
    text = "".join(str(block["text"]) for block in message.content if block.get("type") == "text")
    ids = (str(block.get("id") or block.get("tool_use_id") or "") for block in message.content)
    return message.role, text, tuple(filter(None, ids))
