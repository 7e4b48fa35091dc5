"""The table: every rule has a name, a switch, a sentence, and cases that prove it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.model.rules import table

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
