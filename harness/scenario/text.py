"""Seeded words: the same scenario, seed and place always say the same thing.

Text comes from Faker, from one generator a locale; each place in the script has a seed of its own,
so that changing one line leaves the others as they were.
"""

from __future__ import annotations

import random
import threading
from functools import cache
from typing import TYPE_CHECKING

from harness.scenario.schema import Words

if TYPE_CHECKING:
    from faker import Faker


_ONE_SPEAKER = threading.Lock()


@cache
def _faker(locale: str) -> Faker:
    from faker import Faker

    return Faker(locale)


def known_locale(locale: str) -> bool:
    """Whether Faker speaks it."""
    try:
        _faker(locale)
    except AttributeError:
        return False
    return True


def speak(text: str | Words, place: str) -> str:
    """The words of a text; `place` seeds them. A plain string is itself."""
    if isinstance(text, str):
        return text
    draw = random.Random(place)
    least, most = text.words if isinstance(text.words, tuple) else (text.words, text.words)
    wanted = draw.randint(least, most)
    words: list[str] = []
    # One generator a locale, shared by the threads of a run: seeding and speaking are one act.
    with _ONE_SPEAKER:
        faker = _faker(text.locale)
        faker.seed_instance(draw.getrandbits(63))
        while wanted > 0:
            length = min(wanted, draw.randint(6, 18))
            sentence = faker.words(nb=length)
            words.append(" ".join(sentence).capitalize() + ".")
            wanted -= length
    return " ".join(words)
