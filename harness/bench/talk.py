"""What is said in a benchmark: seeded turns of prose, and texts of four kinds to count.

A turn is a question of some 120 characters and an answer of some 480. The texts come from a pool,
as a hundred thousand turns need not all differ to cost what they cost.
"""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Iterator
from functools import cache

POOL = 509
Turn = tuple[str, str]
"""What the user says and what is answered."""


@cache
def pool(seed: int = 5) -> tuple[Turn, ...]:
    """The turns that are said over and over."""
    from faker import Faker

    speaker = Faker("en_US")
    speaker.seed_instance(seed)
    source = random.Random(seed)
    sentences = [speaker.sentence(nb_words=14) for _ in range(400)]

    def text(characters: int) -> str:
        said = ""
        while len(said) < characters:
            said += source.choice(sentences) + " "
        return said[:characters].rstrip()

    return tuple((text(120), text(480)) for _ in range(POOL))


def turns(number: int, first: int = 0) -> Iterator[Turn]:
    """So many turns, from the `first` on."""
    said = pool()
    for index in range(first, first + number):
        yield said[index % POOL]


@cache
def kinds(characters: int = 60_000, seed: int = 3) -> dict[str, tuple[str, ...]]:
    """Texts by kind: code, prose, CJK and JSON, in pieces of a message's size."""
    return {
        "code": _pieces(_code(), 1_200, characters),
        "prose": _pieces(" ".join(_paragraphs("en_US", seed, characters)), 480, characters),
        "cjk": _pieces("".join(_paragraphs("ja_JP", seed, characters // 2)), 240, characters)
        + _pieces("".join(_paragraphs("zh_CN", seed, characters // 2)), 240, characters),
        "json": tuple(_objects(seed, characters)),
    }


def _pieces(text: str, length: int, characters: int) -> tuple[str, ...]:
    return tuple(text[at : at + length] for at in range(0, min(len(text), characters), length))


def _code() -> str:
    import harness.model.meter
    import harness.model.mock
    import harness.scenario.schema

    rooms = (harness.model.meter, harness.model.mock, harness.scenario.schema, inspect)
    return "\n".join(inspect.getsource(room) for room in rooms)


def _paragraphs(language: str, seed: int, characters: int) -> Iterator[str]:
    from faker import Faker

    speaker = Faker(language)
    speaker.seed_instance(seed)
    said = 0
    while said < characters:
        text: str = speaker.text(max_nb_chars=400).replace("\n", " ")
        said += len(text)
        yield text


def _objects(seed: int, characters: int) -> Iterator[str]:
    from faker import Faker

    speaker = Faker("en_US")
    speaker.seed_instance(seed)
    source = random.Random(seed)
    said = 0
    while said < characters:
        rows = [
            {
                "id": source.getrandbits(48),
                "name": speaker.name(),
                "mail": speaker.email(),
                "at": f"2026-{source.randint(1, 12):02}-{source.randint(1, 28):02}T09:30:00Z",
                "score": round(source.random(), 6),
                "ok": source.random() < 0.9,
            }
            for _ in range(source.randint(2, 10))
        ]
        value = {"request": f"{source.getrandbits(64):016x}", "results": rows}
        text = json.dumps(value, indent=source.choice([None, 2]))
        said += len(text)
        yield text
