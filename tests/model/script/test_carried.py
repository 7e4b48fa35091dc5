"""What is held against a request: a poisonous message, a turn that was declined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SCRIPT: list[Any] = [
    {"user": "one", "reply": {"text": "First."}},
    {"user": "two", "reply": {"stop": "refusal"}},
    {"user": "three", "reply": {"text": "Third."}},
    {"user": "one", "reply": {"text": "First, again."}},
]
POISON = [{"http": {"turn": 1, "status": 400, "times": 3}}]


def user(content: str) -> dict[str, str]:
    """A user message."""
    return {"role": "user", "content": content}


def said(content: str) -> dict[str, str]:
    """An assistant message."""
    return {"role": "assistant", "content": content}


def test_a_declined_turn_is_declined_once_and_then_with_all_that_carries_it(
    desk: Callable[..., Any],
) -> None:
    here = desk(SCRIPT)
    unheard = here.post([user("two"), said("No."), user("three")])
    assert unheard.body["stop_reason"] == "end_turn", "it has not been declined yet"
    first = here.post([user("two")])
    assert (first.body["stop_reason"], first.row.rule) == ("refusal", None)
    kept = here.post([user("two"), said("No."), user("three")])
    assert (kept.status, kept.body["stop_reason"], kept.body["content"]) == (200, "refusal", [])
    assert (kept.row.rule, kept.row.turn, kept.row.step) == ("refused_turn_kept", None, None)
    without = here.post([user("three")])
    assert (without.body["stop_reason"], without.row.rule) == ("end_turn", None)


def test_a_declined_turn_is_held_against_nobody_where_the_rule_is_off(
    desk: Callable[..., Any],
) -> None:
    here = desk(SCRIPT, rules_off=frozenset({"refused_turn_kept"}))
    assert here.post([user("two")]).body["stop_reason"] == "refusal"
    kept = here.post([user("two"), said("No."), user("three")])
    assert kept.body["content"][0]["text"] == "Third."


def test_a_message_that_is_refused_for_what_it_says_is_refused_wherever_it_is_sent(
    desk: Callable[..., Any],
) -> None:
    here = desk(SCRIPT[:3], faults=POISON)
    assert here.post([user("one")]).status == 400
    later = [here.post([user("one"), user("three")]) for _ in range(3)]
    assert [answer.status for answer in later] == [400, 400, 200]
    assert [answer.row.fault for answer in later] == [0, 0, None]


def test_a_busy_api_is_no_matter_of_the_message(desk: Callable[..., Any]) -> None:
    here = desk(SCRIPT[:3], faults=[{"http": {"turn": 1, "status": 529, "times": 3}}])
    assert here.post([user("one")]).status == 529
    assert here.post([user("one"), user("three")]).status == 200


def test_what_several_turns_say_is_held_against_none(desk: Callable[..., Any]) -> None:
    here = desk(SCRIPT, faults=POISON)
    assert here.post([user("one"), said("First."), user("three")]).status == 200
