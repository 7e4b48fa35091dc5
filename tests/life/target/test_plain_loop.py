"""The plain loop: it goes on from what the store remembers, and tells of every append."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from harness.life.target.asking import TooLong
from harness.life.target.plain_loop import STEPS_MAX, PlainLoop
from harness.protocol import Message

CALL = {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "it"}}
ANSWER = [{"type": "text", "text": "done"}]


class _Store:
    def __init__(self, *messages: Message) -> None:
        self.messages = list(messages)
        self.full = False

    def append(self, message: Message) -> None:
        if self.full:
            raise OSError("no space")
        self.messages.append(message)

    def load(self) -> Sequence[Message]:
        return self.messages

    def close(self) -> None:
        self.closed = True


class _Look:
    name, description, input_schema, contract = "look", "Look.", {"type": "object"}, "idempotent"

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __call__(self, arguments: Any, *, call_id: str | None = None) -> object:
        self.calls.append((arguments, call_id))
        return {"seen": 1}


class _Talk:
    """A loop over a store, with a model that says these contents in turn."""

    def __init__(self, store: _Store, *says: Any) -> None:
        self.look, self.asked, self.told = _Look(), list[Any](), list[Message]()
        self.says = list(says)
        self.loop = PlainLoop(
            store,
            {"model": "claude", "system": "Be brief."},
            {"look": self.look},  # type: ignore[dict-item]
            ask=self.ask,
            settle=lambda value: value,
            told=self.told.append,
        )

    def ask(self, request: Any) -> Any:
        self.asked.append(request)
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


def test_a_turn_is_appended_message_by_message_and_each_is_told() -> None:
    store = _Store()
    talk = _Talk(store, [CALL], ANSWER)
    assert talk.loop.send("m", "look at it") == "done"
    assert [message.role for message in store.messages] == [
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert store.messages[-1] == Message("assistant", "done")
    assert talk.told == store.messages
    assert talk.look.calls == [({"at": "it"}, "c1")]
    assert talk.asked[0]["system"] == "Be brief."
    assert talk.asked[1]["messages"][2]["content"][0]["content"] == '{"seen": 1}'


@pytest.mark.parametrize(
    "left",
    [
        [],
        [Message("user", "look")],
        [Message("user", "look"), Message("assistant", [CALL])],
    ],
    ids=["nothing", "question", "call"],
)
def test_a_message_sent_again_goes_on_where_its_turn_stopped(left: list[Message]) -> None:
    store = _Store(Message("user", "hi"), Message("assistant", "hello"), *left)
    talk = _Talk(store, *([[CALL], ANSWER] if len(left) < 2 else [ANSWER]))
    assert talk.loop.send("m", "look") == "done"
    assert [message.role for message in store.messages[2:]] == [
        "user",
        "assistant",
        "user",
        "assistant",
    ]


def test_the_same_words_after_an_answer_are_a_new_turn() -> None:
    store = _Store(Message("user", "hi"), Message("assistant", "hello"))
    assert _Talk(store, ANSWER).loop.send("m", "hi") == "done"
    assert len(store.messages) == 4


def test_calls_of_a_turn_that_was_given_up_are_closed_before_the_next_question() -> None:
    store = _Store(Message("user", "look"), Message("assistant", [CALL]))
    talk = _Talk(store, ANSWER)
    assert talk.loop.send("m", "never mind") == "done"
    closed, text = store.messages[2].content
    assert (closed["tool_use_id"], closed["is_error"]) == ("c1", True)  # type: ignore[index]
    assert text == {"type": "text", "text": "never mind"}
    assert talk.look.calls == []


def test_an_append_that_raises_is_not_told_and_reaches_the_caller() -> None:
    store = _Store()
    store.full = True
    talk = _Talk(store)
    with pytest.raises(OSError, match="no space"):
        talk.loop.send("m", "hi")
    assert talk.told == []
    assert talk.asked == []


def test_what_is_too_long_is_sent_in_part_and_kept_whole() -> None:
    store = _Store(Message("user", "hi"), Message("assistant", "hello"))
    talk = _Talk(store, TooLong("too long"), ANSWER)
    assert talk.loop.send("m", "how are you?") == "done"
    assert [len(request["messages"]) for request in talk.asked] == [3, 1]
    assert len(store.messages) == 4


def test_what_cannot_be_shortened_is_the_callers_to_know() -> None:
    with pytest.raises(TooLong):
        _Talk(_Store(), TooLong("too long")).loop.send("m", "hi")


def test_an_answer_without_content_ends_the_turn_and_is_not_kept() -> None:
    store = _Store()
    assert _Talk(store, []).loop.send("m", "hi") == ""
    assert len(store.messages) == 1


def test_thinking_is_not_kept() -> None:
    store = _Store()
    thinks = {"type": "thinking", "thinking": "hm", "signature": "s"}
    assert _Talk(store, [thinks, CALL], [thinks, *ANSWER]).loop.send("m", "hi") == "done"
    assert [message.content for message in store.messages[1::2]] == [[CALL], "done"]


def test_a_model_that_never_ends_is_cut_off() -> None:
    talk = _Talk(_Store(), *([[CALL]] * STEPS_MAX))
    with pytest.raises(RuntimeError, match=f"more than {STEPS_MAX} steps"):
        talk.loop.send("m", "look")


def test_closing_closes_the_store() -> None:
    store = _Store()
    _Talk(store).loop.close()
    assert store.closed
