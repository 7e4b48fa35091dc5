"""Draws are even, follow from their number alone, and refuse what has no ends."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS

from harness.lab.explore.deal import BACKEND, Even, Unbounded, deal

MANY = 300


def test_the_same_number_deals_the_same_and_another_number_another() -> None:
    deck = st.permutations(range(40))
    assert deal(deck, 7) == deal(deck, 7) != deal(deck, 8)


def test_each_of_a_few_choices_has_its_share() -> None:
    """Also where Hypothesis would prefer the first, the small or one that it has seen."""
    choice = st.one_of(*(st.just(n) for n in range(6)), st.sampled_from((6, 7)))
    counts = Counter(deal(st.tuples(choice, st.integers(0, 199)), n)[0] for n in range(MANY))
    assert set(counts) == set(range(8))
    numbers = [deal(st.integers(0, 199), n) for n in range(MANY)]
    assert 0.3 * MANY < sum(number < 100 for number in numbers) < 0.7 * MANY
    assert 0.35 * MANY < sum(deal(st.booleans(), n) for n in range(MANY)) < 0.65 * MANY


def test_nothing_is_left_behind_for_others() -> None:
    before, dice = dict(AVAILABLE_PROVIDERS), random.getstate()
    deal(st.integers(0, 9), 1)
    assert before == AVAILABLE_PROVIDERS
    assert random.getstate() == dice
    assert BACKEND not in AVAILABLE_PROVIDERS


@pytest.mark.parametrize("draw", ["draw_integer", "draw_float", "draw_string", "draw_bytes"])
def test_what_has_no_ends_is_refused(draw: str) -> None:
    with pytest.raises(Unbounded):
        getattr(Even(None), draw)()
