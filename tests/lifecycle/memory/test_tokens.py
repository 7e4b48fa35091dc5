"""The ratio counter against what current models were measured to count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle import count_content, count_tokens

PROSE = "The evening train left late, and nobody on the platform seemed to mind very much. " * 20
CODE = "def total(xs):\n    return sum(x.price * x.count for x in xs if not x.void)\n" * 20
CJK = "列車は遅れて出発しましたが、誰も気にしていないようでした。" * 20
DATA = '{"name": "evening train", "note": "left late, nobody minded", "platform": 9}' * 20


@pytest.mark.parametrize(
    ("text", "shortfall"), [(PROSE, 0.36), (CODE, 0.48), (CJK, 0.76), (DATA, 0.42)]
)
def test_it_is_near_the_truth_where_characters_by_four_fall_short(
    text: str, shortfall: float
) -> None:
    truth = len(text) / 4 / (1 - shortfall)
    assert 0.75 * truth <= count_tokens(text) <= 1.35 * truth


def test_nothing_is_no_token() -> None:
    assert count_tokens("") == 0
    assert count_tokens("a") == 1


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(first: str, second: str) -> None:
    assert count_tokens(first + second) >= max(count_tokens(first), count_tokens(second))


@given(st.text(max_size=50), st.text(max_size=50))
def test_blocks_count_what_they_hold(first: str, second: str) -> None:
    blocks = [{"type": "text", "text": first}, {"type": "text", "text": second}]
    assert count_content(blocks) == count_tokens(first) + count_tokens(second)


def test_every_kind_of_block_is_counted() -> None:
    words = "word " * 100
    use = {"type": "tool_use", "id": "t", "name": "n", "input": {"q": words}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": words}
    nested = {**result, "content": [{"type": "text", "text": words}]}
    thinking = {"type": "thinking", "thinking": words, "signature": "s"}
    for block in (use, result, nested, thinking):
        assert count_content([block]) > count_tokens(words)
    assert count_content([{"type": "image", "width": 280, "height": 29}]) == 20
    assert count_content([{"type": "image", "source": {}}]) == 1600


def test_a_counter_of_ones_own_is_used_throughout() -> None:
    assert count_content([{"type": "text", "text": "abc"}], len) == 3
