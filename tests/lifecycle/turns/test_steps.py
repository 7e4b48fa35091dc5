"""The steps of a conversation, out of its log alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.lifecycle import Conversation, ConversationCodec, FunctionTool
from harness.lifecycle.turns.steps import jsonl, steps
from tests.lifecycle.fake_claude import FakeClaude, Killed, calls, says


def test_every_step_up_to_the_kill_is_there(tmp_path: Path) -> None:
    def dies() -> None:
        raise Killed

    client = FakeClaude([says("Hi."), calls(("t1", "look", {})), says("Seen.")])
    look = FunctionTool("look", lambda: "x", contract="idempotent")
    with Conversation.open(tmp_path, "a", client=client, tools=[look]) as session:
        session.send("m1", "hello")
    deadly = FunctionTool("look", dies, contract="idempotent")
    with (
        pytest.raises(Killed),
        Conversation.open(tmp_path, "a", client=client, tools=[deadly]) as session,
    ):
        session.send("m2", "look")
    with ConversationCodec(tmp_path / "a" / "turns.jsonl") as codec:
        seen = [(step.turn, step.what, step.detail) for step in steps(codec.read_all())]
    assert seen == [
        (1, "user wrote", "m1"),
        (1, "model asked", ""),
        (1, "model replied", "end_turn"),
        (2, "user wrote", "m2"),
        (2, "model asked", ""),
        (2, "model replied", "tool_use"),
        (2, "tool called", "look t1"),
    ]
    with Conversation.open(tmp_path, "a", client=client, tools=[look]) as session:
        assert session.resume() == "Seen."
        rows = [json.loads(line) for line in jsonl(session.records())]
    assert [row["what"] for row in rows[7:]] == ["tool done", "model asked", "model replied"]
    assert rows[-1]["prompt_tokens"] > 0
    assert [row["sequence"] for row in rows] == list(range(len(rows)))


def test_records_of_others_are_no_steps(tmp_path: Path) -> None:
    with ConversationCodec(tmp_path / "log") as codec:
        codec.append("narrator", "meanwhile")
        assert list(steps(codec.read_all())) == []
