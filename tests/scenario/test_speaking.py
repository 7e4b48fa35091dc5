"""Seeded words: the same place says the same thing, another seed something else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.scenario.plan import known_locale, speak
from harness.scenario.schema import Words


@settings(max_examples=30)
@given(st.integers(1, 400), st.integers(0, 100), st.text(max_size=8))
def test_the_wanted_number_of_words_is_spoken_always_the_same(
    least: int, more: int, place: str
) -> None:
    words = Words(words=(least, least + more))
    said = speak(words, place)
    assert least <= len(said.split()) <= least + more
    assert speak(words, place) == said


def test_another_place_says_something_else() -> None:
    assert speak(Words(words=40), "7/1/user") != speak(Words(words=40), "8/1/user")


def test_a_plain_text_is_itself() -> None:
    assert speak("Paris.", "anywhere") == "Paris."


def test_locales_speak_their_own_script() -> None:
    assert any(ord(letter) > 0x3000 for letter in speak(Words(words=10, locale="ja_JP"), "x"))
    assert known_locale("de_DE")
    assert not known_locale("xx_YY")


def test_threads_that_speak_at_once_say_what_each_would_say_alone() -> None:
    places = [f"place {number}" for number in range(200)]
    alone = [speak(Words(words=30), place) for place in places]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda place: speak(Words(words=30), place), places))
    assert together == alone
