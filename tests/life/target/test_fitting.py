"""What is left out of a conversation that the model finds too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.life.target.fitting import asks, halved, text_of
from harness.protocol import Message

CALL = Message("assistant", [{"type": "tool_use", "id": "c", "name": "look", "input": {}}])
RESULT = Message("user", [{"type": "tool_result", "tool_use_id": "c", "content": "x" * 90}])


def test_the_older_half_of_the_turns_goes_first() -> None:
    turns = [Message(role, f"{role} {n}") for n in range(4) for role in ("user", "assistant")]
    assert halved(turns) == turns[4:]


def test_results_stay_with_their_calls() -> None:
    messages = [Message("user", "a"), CALL, RESULT, Message("assistant", "b"), Message("user", "c")]
    assert halved(messages) == messages[4:]
    assert not asks(RESULT)
    assert text_of(CALL) == ""


def test_the_last_turn_is_shortened_where_it_is_longest() -> None:
    shorter = halved([Message("user", "short"), CALL, RESULT])
    assert shorter is not None
    assert shorter[:2] == [Message("user", "short"), CALL]
    assert shorter[2].content[0]["content"] == "x" * 45  # type: ignore[index]


def test_what_is_short_already_is_not_shortened() -> None:
    assert halved([Message("user", "short")]) is None


@given(st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=9))
def test_halving_comes_to_an_end_at_the_newest_turn(texts: list[str]) -> None:
    kept = [Message("user", text) for text in texts]
    for _ in range(40):
        shorter = halved(kept)
        if shorter is None:
            break
        assert sum(map(len, map(text_of, shorter))) < sum(map(len, map(text_of, kept)))
        kept = list(shorter)
    assert halved(kept) is None
    assert texts[-1].startswith(text_of(kept[-1]))
