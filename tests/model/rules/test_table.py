"""The table: every rule has a name, a switch, a sentence, and cases that prove it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.model.catalogue import shipped
from harness.model.message import Refusal
from harness.model.request import parse
from harness.model.rules import table
from harness.model.rules.ask import Ask

ELSEWHERE_TESTED = {
    "body_too_large": "test_entry.py",
    "bad_key": "test_entry.py",
    "missing_version": "test_entry.py",
    "unknown_path": "test_entry.py",
    "content_type": "test_entry.py",
    "edited_thinking": "test_thinking.py",
    "bound_thinking": "test_thinking.py",
    "prompt_too_long": "test_window.py",
    "prompt_plus_max_tokens": "test_window.py",
    "unknown_model": "test_mock.py",
    "rate_limit": "test_limits.py",
    "refused_turn_kept": "test_carried.py",
}


def test_every_rule_has_an_offence_and_a_neighbour(cases: list[Any]) -> None:
    assert {case.rule for case in cases} | ELSEWHERE_TESTED.keys() == table.SURE.keys()


def test_every_rule_says_in_a_sentence_what_it_holds() -> None:
    for rule in (*table.AT_ENTRY, *table.ON_SHAPE, *table.ON_PROMPT):
        assert (rule.check.__doc__ or "").endswith("."), rule.name


def test_guesses_are_off_and_all_else_is_on() -> None:
    off = table.SURE.keys() - table.active()
    assert off == {name for name, sure in table.SURE.items() if sure == "G"}
    assert off


def test_a_rule_is_switched_by_name() -> None:
    assert "blank_text" not in table.active(off={"blank_text"})
    assert "undefined_tools" in table.active(on={"undefined_tools"})


def test_switching_a_rule_that_does_not_exist_says_which_do() -> None:
    with pytest.raises(ValueError, match=r"no rule 'blank' to switch; the rules are .*blank_text"):
        table.active(off={"blank"})


_HI = {"type": "text", "text": "hi"}
_MARK = {"cache_control": {"type": "ephemeral"}}
_CALL = {"type": "tool_use", "name": "look", "input": {}}
CALLS = [{**_CALL, "id": one} for one in ("a", "b")]
RESULTS = [{"type": "tool_result", "tool_use_id": one, "content": "found"} for one in ("a", "b")]
ODD = [
    {"type": "text", "text": ""},
    {"type": "text", "text": " "},
    {**_HI, "odd": 1},
    {**_HI, **_MARK},
    {"type": "image", "source": {}},
    {"type": "thinking", "thinking": "hm", "signature": "s"},
    {**RESULTS[0], "content": [{"type": "image"}]},
]
SAID = {
    "user": st.sampled_from(["hi", "hi", " ", [_HI]])
    | st.lists(st.sampled_from(RESULTS), min_size=1, max_size=2)
    | st.lists(st.sampled_from([_HI, *RESULTS, *CALLS, *ODD]), max_size=3),
    "assistant": st.sampled_from(["hi", "hi", "", [_HI]])
    | st.lists(st.sampled_from(CALLS), min_size=1, max_size=2)
    | st.lists(st.sampled_from([_HI, *RESULTS, *CALLS, *ODD]), max_size=3),
    "system": st.just("hi"),
}
MESSAGE = st.sampled_from(["user", "assistant"] * 5 + ["system"]).flatmap(
    lambda role: st.fixed_dictionaries({"role": st.just(role), "content": SAID[role]})
)
HELLO = [{"role": "user", "content": "hello"}]
HISTORY = st.lists(MESSAGE, max_size=5).map(lambda said: HELLO + said) | st.lists(MESSAGE)
MODELS = st.sampled_from(["claude-sonnet-5-5", "claude-haiku-4-5"])
PLAIN = st.fixed_dictionaries({"model": MODELS, "max_tokens": st.just(100)})
SETTINGS = (
    PLAIN
    | PLAIN
    | st.fixed_dictionaries(
        {"model": MODELS},
        optional={
            "max_tokens": st.sampled_from([0, 100, 10**9]),
            "system": st.sampled_from(["", "Be kind.", [{"type": "text", "text": ""}]]),
            "tools": st.sampled_from([[], [{"name": "look", "input_schema": {"type": "object"}}]]),
            "thinking": st.sampled_from(
                [{"type": "enabled", "budget_tokens": 2000}, {"type": "no"}]
            ),
            "cache_control": st.sampled_from([{"type": "ephemeral"}, {"type": "odd"}]),
            "odd": st.just(1),
        },
    )
)


def _first(check: Any, ask: Ask) -> tuple[str | None, str] | None:
    try:
        check(ask)
    except Refusal as refusal:
        return refusal.rule, refusal.message
    return None


def _all(ask: Ask) -> Ask:
    """The same, looked at as if anything might be anywhere."""
    messages = tuple(message._replace(traits=(1 << 20) - 1) for message in ask.request.messages)
    request = dataclasses.replace(ask.request, messages=messages, traits=(1 << 20) - 1)
    return ask._replace(request=request)


def _asked(*said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    roles = ("assistant", "user") * len(said)
    return HELLO + [{"role": role, "content": one} for role, one in zip(roles, said, strict=False)]


TWICE = [
    _asked(CALLS[:1], RESULTS[:1], CALLS[:1], RESULTS[:1]),
    _asked(CALLS[:1] * 2, RESULTS[:1] * 2),
]


@example({"model": "claude-sonnet-5-5", "max_tokens": 100}, TWICE)
@settings(max_examples=300)
@given(SETTINGS, st.lists(HISTORY, max_size=6))
def test_asking_only_the_rules_with_something_to_look_for_gives_the_same_answer(
    beside: dict[str, Any], histories: list[list[dict[str, Any]]]
) -> None:
    every = table.choose(table.ON_SHAPE, frozenset(table.SURE))
    few = table.Rules(every)
    for messages in (HELLO, *histories):
        body = {**beside, "messages": messages}
        request = parse(json.loads(json.dumps(body)))
        ask = Ask(request, shipped().models[request.model])
        assert _first(few.check, ask) == _first(lambda one: table.check(every, one), _all(ask))


def test_settings_that_were_refused_are_looked_at_again() -> None:
    rules = table.Rules(table.choose(table.ON_SHAPE, table.active()))
    request = parse({"model": "claude-sonnet-5-5", "messages": [], "odd": 1})
    ask = Ask(request, shipped().models["claude-sonnet-5-5"])
    answers = {_first(rules.check, ask) for _ in range(3)}
    assert len(answers) == 1
    assert None not in answers
