"""Tokens: complete, short, and safe against a slip of the hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import case

HEX = "0123456789abcdef"
CASES = st.builds(
    case.Case,
    scenario_hash=st.text(HEX, min_size=12, max_size=12),
    target_hash=st.text(HEX, min_size=6, max_size=6),
    seed=st.integers(0, 2**63 - 1),
    choice=st.from_regex(r"[0-9a-z.]{1,40}", fullmatch=True),
)


@given(CASES)
def test_a_token_names_its_case_completely_in_under_100_characters(named: case.Case) -> None:
    assert case.parse(named.token) == named
    assert len(named.token) < 100


@given(CASES, st.data())
def test_one_wrong_character_is_nearly_always_noticed(
    named: case.Case, data: st.DataObject
) -> None:
    token = named.token
    place = data.draw(st.integers(4, len(token) - 1))
    wrong = data.draw(st.sampled_from(HEX).filter(lambda digit: digit != token[place]))
    try:
        found = case.parse(token[:place] + wrong + token[place + 1 :])
    except case.TokenError:
        return
    # One slip in sixteen passes the check character; it can never name the same case.
    assert found != named


def test_a_token_is_read_whatever_its_case_and_padding() -> None:
    named = case.Case("0" * 12, "a" * 6, 7)
    assert case.parse(f"  {named.token.upper()} ") == named


@pytest.mark.parametrize("text", ["", "hx1-", "hx2-000000000000-000000-7-s-0", "hx1-xyz"])
def test_what_is_no_token_is_said_to_be_none(text: str) -> None:
    with pytest.raises(case.TokenError, match="is no token: expected hx1-SCENARIO"):
        case.parse(text)


def test_a_mistyped_token_names_the_character_it_expected() -> None:
    token = case.Case("0" * 12, "a" * 6, 7).token
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    with pytest.raises(case.TokenError, match=f"should be '{token[-1]}'"):
        case.parse(wrong)


def test_the_content_counts_and_the_order_of_keys_does_not() -> None:
    assert case.scenario_hash({"a": 1, "b": 2}) == case.scenario_hash({"b": 2, "a": 1})
    assert case.scenario_hash({"a": 1}) != case.scenario_hash({"a": 2})


def test_a_negative_seed_has_no_token() -> None:
    with pytest.raises(case.TokenError, match="seeds are whole numbers from 0"):
        _ = case.Case("0" * 12, "a" * 6, -1).token
