"""500 turns of everything, at windows of 2k, 6k and 50k, against the mock Claude by its own ruler.

Nothing is refused, the budget is kept in 999 of 1,000 requests and never missed by far, the newest
message is in every request, and the whole conversation is remembered after a restart.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lifecycle.mock_claude import Talk, motley_lines

TURNS = 500
SHOWN_CHARACTERS = 8


def texts(body: dict[str, Any]) -> list[str]:
    return [
        block["text"]
        for message in body["messages"]
        if message["role"] == "user"
        for block in message["content"]
        if block["type"] == "text"
    ]


@pytest.mark.parametrize(
    ("window_tokens", "paste_words", "gap_s"),
    [
        (2_000, 400, 60.0),
        (6_000, 2_500, 60.0),
        pytest.param(50_000, 20_000, 60.0, marks=pytest.mark.slow),
    ],
)
def test_five_hundred_turns_with_tools_thinking_pastes_and_cjk(
    window_tokens: int, paste_words: int, gap_s: float, tmp_path: Path
) -> None:
    talk = Talk(motley_lines(TURNS, 11, paste_words), gap_s=gap_s, tokens_per_second=1_000.0)
    settings = {"window_tokens": window_tokens, "max_tokens": 4_000}
    with talk.opened(tmp_path, **settings) as conversation:
        talk.say(conversation, 1, 250)
    with talk.opened(tmp_path, **settings) as conversation:
        talk.say(conversation, 251)
        users = [said for said in conversation.history() if isinstance(said.content, str)]
        books = conversation.usage()

    asked = [row.prompt_tokens for row in talk.rows]
    assert {row.status for row in talk.rows} == {200}
    assert sum(each > window_tokens for each in asked) <= len(asked) / 1000
    assert max(asked) <= window_tokens * 1.05
    assert max(asked) >= window_tokens * 0.7
    for row, data in zip(talk.rows, talk.bodies, strict=True):
        assert row.turn is not None
        said = talk.plan.turn(row.turn).user
        newest = texts(json.loads(data))[-1]
        assert newest.startswith(said[:SHOWN_CHARACTERS])
        assert newest == said or "characters left out here" in newest
    mine = {said.content for said in users if said.role == "user"}
    assert mine >= {turn.user for turn in talk.plan.turns}
    assert books.attempts == len(talk.rows)
    assert books.prompt_tokens == sum(asked)
    assert books.output_tokens == sum(row.output_tokens for row in talk.rows)
