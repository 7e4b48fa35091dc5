"""Opening reads only the tail that the window needs, and knows all the same."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.lifecycle import Conversation, FunctionTool, MessageRefused
from tests.lifecycle.fake_claude import FakeClaude, calls, says, stops


def reply(request: dict[str, Any]) -> Any:
    """By the newest message: tools, thinking, refusals and plain talk."""
    newest = request["messages"][-1]["content"][-1]
    if newest["type"] == "tool_result":
        return says("It says " + "word " * 30)
    number = int(newest["text"].split()[1])
    if number % 5 == 3:
        return calls((f"t{number}", "look", {}), (f"u{number}", "look", {}))
    if number % 5 == 4:
        thought = {"type": "thinking", "thinking": "hm " * 10, "signature": "s"}
        return stops("end_turn", thought, {"type": "text", "text": "so " * 40})
    return stops("refusal") if number % 11 == 10 else says("word " * 40)


def opened(home: Path, client: Any) -> Conversation:
    return Conversation.open(
        home,
        "ada",
        client=client,
        now=lambda: 1,
        window_tokens=1500,
        system="Be kind.",
        tools=[FunctionTool("look", lambda: "row " * 20)],
    )


def talked(home: Path, client: Any, turns: range, restart_every: int) -> None:
    for start in range(turns.start, turns.stop, restart_every):
        with opened(home, client) as conversation:
            for number in range(start, min(start + restart_every, turns.stop)):
                conversation.send(f"m{number}", f"turn {number} " + "please " * 10)


@pytest.mark.parametrize("turns", [5, 40, 61])
def test_a_tail_read_knows_what_a_whole_read_knows(tmp_path: Path, turns: int) -> None:
    talked(tmp_path / "tail", FakeClaude(reply), range(turns), 100)
    shutil.copytree(tmp_path / "tail", tmp_path / "whole")
    for path in (tmp_path / "whole" / "ada").glob("checkpoint.json*"):
        path.unlink()
    clients = [FakeClaude(reply), FakeClaude(reply)]
    tail, whole = (
        opened(tmp_path / kind, c) for kind, c in zip(("tail", "whole"), clients, strict=True)
    )
    assert (tail._codec.head > 0) == (turns > 20)
    assert whole._codec.head == 0
    assert tail.window() == whole.window()
    assert tail.usage() == whole.usage()
    assert tail.checkpoint() == whole.checkpoint()
    for conversation in (tail, whole):
        conversation.send("next", f"turn {turns} " + "please " * 10)
        conversation.close()
    assert clients[0].requests == clients[1].requests
    assert tail.history() == whole.history()


def test_a_session_opened_for_every_message_sends_what_one_process_sends(tmp_path: Path) -> None:
    often, once = FakeClaude(reply), FakeClaude(reply)
    talked(tmp_path / "often", often, range(60), 1)
    talked(tmp_path / "once", once, range(60), 60)
    assert often.requests == once.requests


def test_a_message_from_before_the_tail_is_still_answered_from_the_log(tmp_path: Path) -> None:
    client = FakeClaude(reply)
    talked(tmp_path, client, range(40), 100)
    asked = len(client.requests)
    with opened(tmp_path, client) as conversation:
        assert conversation._codec.head > 0
        assert conversation.send("m0", "turn 0 " + "please " * 10) == "word " * 40
        assert conversation._codec.head > 0
        with pytest.raises(MessageRefused, match="another text"):
            conversation.send("m1", "not what was said")
        assert len(conversation.history()) == len(set(map(id, conversation.history())))
    assert len(client.requests) == asked


@pytest.mark.parametrize("harm", ["tail", "shorter", "moved"])
def test_where_checkpoint_and_log_disagree_the_whole_log_is_read(tmp_path: Path, harm: str) -> None:
    talked(tmp_path, FakeClaude(reply), range(40), 100)
    log = tmp_path / "ada" / "turns.jsonl"
    data = log.read_bytes()
    lines = data.splitlines(keepends=True)
    if harm == "tail":
        log.write_bytes(data[:-5])
    elif harm == "shorter":
        log.write_bytes(b"".join(lines[:20]))
    else:
        log.write_bytes(b"".join(lines[1:]))
    with opened(tmp_path, FakeClaude(reply)) as conversation:
        assert conversation._codec.head == 0
        assert conversation.damage if harm != "shorter" else not conversation.damage
        assert conversation.history()
    with opened(tmp_path, FakeClaude(reply)) as conversation:
        assert conversation.send("next", "turn 0 again").startswith("word")
