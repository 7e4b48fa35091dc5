"""How a message shows texts and counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks.evidence.breach import Crash, contrast, counted, shape, shorten, times


@given(st.text(alphabet=st.characters(categories=["L", "N"])), st.integers(0, 500))
def test_a_long_text_is_shown_in_about_sixty_characters(text: str, around: int) -> None:
    assert len(shorten(text, around)) <= 64


def test_a_short_text_is_shown_whole() -> None:
    assert shorten("Hello.") == "'Hello.'"


def test_a_difference_far_into_a_text_is_in_sight() -> None:
    message = contrast("same " * 50 + "left", "same " * 50 + "right")

    assert "left" in message
    assert "right" in message


def test_messages_that_differ_in_numbers_and_ids_have_one_shape() -> None:
    assert shape("messages.3: toolu_01ab") == shape("messages.12: toolu_02ff")
    assert shape("messages.3: empty") != shape("messages.3: too long")


def test_counts_are_written_as_people_say_them() -> None:
    assert [times(n) for n in (1, 2, 3)] == ["once", "twice", "3 times"]
    assert [counted(n, "turn") for n in (1, 2)] == ["1 turn", "2 turns"]


@pytest.mark.parametrize(
    ("tier", "how"),
    [("kill", "killed"), ("real", "killed"), ("ext4", "power cut"), ("posix", "power cut")],
)
def test_a_process_that_was_really_killed_was_killed(tier: Any, how: str) -> None:
    crash = Crash(0, 1, 2, "write log", tier, None)
    assert crash.told == f"crash 1 ({how} at write log in turn 2)"
