"""What is said in a benchmark."""

from __future__ import annotations

import json

from harness.bench.talk import POOL, kinds, pool, turns


def test_turns_are_the_same_in_every_run_and_go_round() -> None:
    said = list(turns(POOL + 2))
    assert said[0] == said[POOL] == pool()[0]
    assert list(turns(2, first=POOL)) == said[:2]
    assert all(100 < len(user) <= 120 and 400 < len(answer) <= 480 for user, answer in pool())


def test_there_are_texts_of_four_kinds() -> None:
    texts = kinds(6_000)
    assert texts.keys() == {"code", "prose", "cjk", "json"}
    assert all(sum(map(len, pieces)) >= 5_000 for pieces in texts.values())
    cjk = "".join(texts["cjk"])
    assert sum(ord(character) > 0x2E80 for character in cjk) > 0.8 * len(cjk)
    assert all(json.loads(text)["results"] for text in texts["json"])
    assert "def " in "".join(texts["code"])
