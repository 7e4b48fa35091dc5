"""A user's text is found as it is, wrapped, or shortened; a digest of many is nobody's."""

from __future__ import annotations

import pytest

from harness.model.script.index import Index, Spot
from harness.scenario.plan import Plan, plan
from harness.scenario.schema import Scenario

PASTE = "Here is the log: " + " ".join(f"line {number} failed" for number in range(300))
SCRIPT = [
    {"user": "What is the capital of France?", "reply": {"text": "Paris."}},
    {"user": "ok", "reply": {"text": "Good."}},
    {"user": PASTE, "reply": [{"tool": "read", "input": {}}, {"text": "Line 7 it is."}]},
    {"user": "ok", "reply": {"text": "Good."}},
]


def index_of(script: list[object]) -> tuple[Index, Plan]:
    """The index of a script, and its plan."""
    scenario = Scenario.model_validate({"name": "an index", "script": script})
    made = plan(scenario, 1)
    return Index(made), made


@pytest.fixture
def index() -> Index:
    """The index of the script above."""
    return index_of(SCRIPT)[0]


def test_a_text_is_found_as_it_is(index: Index) -> None:
    assert index.by_user("What is the capital of France?") == (1,)


def test_equal_texts_are_all_found_in_order(index: Index) -> None:
    assert index.by_user("ok") == (2, 4)


@pytest.mark.parametrize(
    "text",
    [
        "[Monday 09:00] What is the capital of France?",
        "<user>\nWhat is the capital of France?\n</user>",
        "  What is the capital of France?\n",
        "ok, but then: What is the capital of France?",
    ],
)
def test_a_wrapped_text_is_found_inside(index: Index, text: str) -> None:
    assert index.by_user(text) == (1,)


@pytest.mark.parametrize(
    "text",
    [
        "user: What is the capital of France?\nassistant: Paris.",
        "user: ok\nassistant: Good.\nuser: ok",
    ],
)
def test_a_text_told_with_its_reply_is_a_digest(index: Index, text: str) -> None:
    assert index.by_user(text) == ()


def test_a_short_text_is_not_found_inside_a_longer_word(index: Index) -> None:
    assert index.by_user("The cook took a book.") == ()


@pytest.mark.parametrize(
    "text",
    [
        PASTE[:400],
        PASTE[:200] + "\n[... shortened ...]\n" + PASTE[-200:],
        "[cut]" + PASTE[-300:],
    ],
)
def test_a_shortened_paste_is_found_by_its_beginning_or_end(index: Index, text: str) -> None:
    assert index.by_user(text) == (3,)


def test_an_unscripted_text_is_not_found(index: Index) -> None:
    assert index.by_user("Continue.") == ()
    assert index.by_user("Here is the log of something else entirely, not of yours: " * 5) == ()
    assert index.by_user("") == ()


def test_a_digest_of_several_turns_is_nobodys(index: Index) -> None:
    digest = "Summarise:\nuser: What is the capital of France?\nuser: ok\nassistant: Good."
    assert index.by_user(digest) == ()


def test_of_texts_sent_in_one_message_the_last_is_meant(index: Index) -> None:
    assert index.by_user("What is the capital of France?\n\nok") == (2, 4)


def test_a_reply_and_a_call_are_found() -> None:
    index, made = index_of(SCRIPT)
    assert index.by_reply("Paris.") == [Spot(1, 0)]
    assert index.by_reply(" Good.\n") == [Spot(2, 0), Spot(4, 0)]
    assert index.by_reply("London.") == []
    (call,) = made.turn(3).calls
    assert index.by_call(call.id) == Spot(3, 0)
    assert index.by_call("toolu_else") is None
