"""What is held: sums that agree with the columns, pins, and a state that can be taken over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lifecycle import MessageWindow, OversizeMessage, UsageLedger
from harness.lifecycle.memory.held import START
from tests.lifecycle.fake_claude import check


def window(budget: int = 2000, **given: Any) -> MessageWindow:
    return MessageWindow(budget, ledger=UsageLedger(), auto=False, **given)


def said(each: MessageWindow, number: int, words: int = 20, *, pinned: bool = False) -> None:
    each.push("user", f"q{number} " + "word " * words, tag=2 * number, pinned=pinned)
    each.push("assistant", f"a{number} " + "word " * words, tag=2 * number + 1)


def starts(each: MessageWindow) -> list[str]:
    return [str(message["content"]).split()[0] for message in each.as_messages()]


def test_a_pinned_message_stays_in_front_when_its_turn_is_dropped() -> None:
    here = window()
    for number in range(10):
        said(here, number, pinned=number in (2, 3))
    assert here.cut_to(250, 2000) is not None
    assert starts(here)[:2] == ["q2", "q3"]
    assert "a2" not in starts(here)
    assert starts(here)[-1] == "a9"
    check({"messages": here.as_messages()[:-1]})


def test_pins_are_kept_over_many_cuts_and_once_each() -> None:
    here = window()
    for number in range(200):
        said(here, number, pinned=number % 50 == 0)
        here.learn(here.tokens)
        here.fit()
    assert starts(here).count("q0") == starts(here).count("q50") == 1
    assert starts(here)[:4] == ["q0", "q50", "q100", "q150"]
    assert here.tokens <= 2000


def test_only_what_begins_a_turn_can_be_pinned() -> None:
    here = window()
    here.push("user", "hello")
    with pytest.raises(ValueError, match="begins a turn"):
        here.push("assistant", "hi", pinned=True)


def test_nothing_but_pins_is_nothing_to_cut() -> None:
    here = window()
    for number in range(3):
        here.push("user", f"q{number}", pinned=True)
    assert here.cut_to(1, 2000) is None


def test_the_average_turn_counts_no_head() -> None:
    here = window()
    assert here.turn_tokens() == 0
    said(here, 0, words=200, pinned=True)
    said(here, 1)
    said(here, 2)
    here.cut_before(2)
    assert here.turn_tokens() == pytest.approx(sum(here._tokens[1:]) / 2)


TURNS = st.lists(
    st.tuples(st.integers(1, 80), st.booleans(), st.sampled_from(["", "learn", "cut", "out"])),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(turns=TURNS)
def test_sums_agree_with_columns_and_a_restart_takes_all_of_it_over(
    turns: list[tuple[int, bool, str]],
) -> None:
    here = window(3000, summarize=lambda before, gone: f"{before}+{len(gone)}")
    for number, (words, pinned, then) in enumerate(turns):
        try:
            said(here, number, words, pinned=pinned)
        except OversizeMessage:
            break  # Each answer was dearer than thought, ten times over: nothing more fits.
        if then == "learn":
            here.learn(int(here.tokens * 1.1))
        elif then == "cut":
            here.cut_to(here.bound / 2, 10**9)
        elif then == "out" and here.first_tag != 2 * number:
            here.drop_turn(2 * number)
        assert here._sum == pytest.approx(sum(here._tokens))
        unsent = sum(here._tokens[here._sent :]) + (0 if here._summary_sent else here._tokens[0])
        assert here._sum - here._sent_sum == pytest.approx(unsent)
        assert (here._sum > here._sum_max) == (here.bound > here.budget.high)
    again = window(3000)
    for row, message in zip(here._rows[here._head :], here._messages[here._head :], strict=True):
        again.push(message["role"], message["content"], starts_turn=row[START], tag=row[2])
    assert again.adopt(here.state())
    assert again.as_messages() == here.as_messages()
    assert again.state() == here.state()
    assert again.bound == pytest.approx(here.bound)
