"""A message says at a glance what there is to look at in it, and is known again by its content."""

from __future__ import annotations

from typing import Any

import pytest

from harness.model.message import (
    MARKS,
    SYSTEM,
    THINKING,
    TOOLS,
    UNPAIRED,
    UNSOUND,
    read_messages,
)

USE = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "found"}
TEXT = {"type": "text", "text": "hi"}


def _traits(role: str, content: Any) -> int:
    (message,), _all = read_messages([{"role": role, "content": content}])
    return message.traits


@pytest.mark.parametrize(
    ("role", "content", "traits"),
    [
        ("user", "hi", 0),
        ("user", [TEXT], 0),
        ("user", "", UNSOUND),
        ("user", [], UNSOUND),
        ("user", [{**TEXT, "text": " \n"}], UNSOUND),
        ("user", [{**TEXT, "odd": 1}], UNSOUND),
        ("user", [{**TEXT, "cache_control": {"type": "ephemeral"}}], MARKS),
        ("user", [USE], TOOLS | UNSOUND),
        ("user", [RESULT], TOOLS),
        ("user", [{**RESULT, "content": [TEXT]}], TOOLS),
        ("user", [{**RESULT, "content": [{"type": "image"}]}], TOOLS | UNSOUND),
        ("user", [TEXT, RESULT], TOOLS | UNPAIRED),
        ("assistant", [USE], TOOLS),
        ("assistant", [{"type": "thinking", "thinking": "", "signature": ""}], THINKING),
        ("system", "hi", SYSTEM),
    ],
)
def test_a_message_shows_what_there_is_to_look_at(role: str, content: Any, traits: int) -> None:
    assert _traits(role, content) == traits


def test_the_same_message_is_the_same_object() -> None:
    said = [{"role": "user", "content": content} for content in ("hi", [TEXT], [TEXT, RESULT])]
    once, again = (read_messages(said)[0] for _ in range(2))
    assert all(one is other for one, other in zip(once, again, strict=True))
    assert once[0] is not once[1]


@pytest.mark.parametrize(
    ("contents", "paired"),
    [
        (["hi", [USE], [RESULT]], True),
        (["hi", [USE], [RESULT, TEXT], [TEXT]], True),
        (["hi", [USE]], False),
        (["hi", [TEXT], [RESULT]], False),
        (["hi", [USE], [RESULT], [USE], [RESULT]], False),
        (["hi", [USE, USE], [RESULT, RESULT]], False),
        (["hi", [USE], [RESULT, RESULT]], False),
    ],
)
def test_calls_with_their_results_right_after_are_plainly_paired(
    contents: list[Any], paired: bool
) -> None:
    roles = ("user", "assistant") * len(contents)
    said = [{"role": role, "content": one} for role, one in zip(roles, contents, strict=False)]
    assert bool(read_messages(said)[1] & UNPAIRED) is not paired
