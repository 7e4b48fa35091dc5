"""A turn killed at every step: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.lifecycle import Conversation
from tests.lifecycle.fake_claude import Killed
from tests.lifecycle.turns.dying import Doors, World

SCRIPT = ["turn 0 plain", "turn 1 tools", "turn 2 long", "turn 3 refused", "turn 4 tools"]


def life(home: Path, world: World, answers: dict[str, str]) -> Conversation:
    """One process: open, resume, say all that is not yet answered. The caller closes."""
    conversation = Conversation.open(
        home, "ada", client=world, tools=world.tools, checkpoint_every=2, now=lambda: 7
    )
    try:
        check_acknowledged(conversation, answers)
        for number, text in enumerate(SCRIPT):
            if f"m{number}" not in answers:
                answers[f"m{number}"] = conversation.send(f"m{number}", text)
    except Killed:
        conversation._let_go()
        raise
    return conversation


def check_acknowledged(conversation: Conversation, answers: dict[str, str]) -> None:
    history = conversation.history()
    users = [said.content for said in history if said.role == "user" and is_text(said.content)]
    assert users[: len(answers)] == SCRIPT[: len(answers)]
    assert len(users) <= len(answers) + 1
    checkpoint = conversation.checkpoint()
    saved = 0 if checkpoint is None else checkpoint.turn_number
    assert saved in (len(answers) // 2 * 2, (len(answers) + 1) // 2 * 2)


def is_text(content: Any) -> bool:
    return isinstance(content, str)


def uninterrupted(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[Any], Any]:
    world = World()
    with world.doors.on_disk(monkeypatch):
        conversation = life(home, world, {})
        crossings = world.doors.crossed
        conversation.close()
    return crossings, conversation.history(), world.claude.requests


@pytest.mark.parametrize("how", ["killed", "torn"])
def test_killed_at_every_door_it_comes_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    total, history, requests = uninterrupted(tmp_path / "whole", monkeypatch)
    assert total > 60
    for death in range(1, total + 1):
        world, answers = World(), dict[str, str]()
        home = tmp_path / f"{how}{death}"
        world.doors = Doors(death, torn=how == "torn")
        with pytest.raises(Killed), world.doors.on_disk(monkeypatch):
            life(home, world, answers)
        died_at = world.doors.names[-1]
        conversation = live_on(home, world, answers, monkeypatch)
        conversation.close()
        check_end(conversation, history, world, died_at, death)
        assert same_prefixes(world.claude.requests, requests)


def check_end(
    conversation: Conversation, history: list[Any], world: World, died_at: str, death: int
) -> None:
    where = f"death {death} at {died_at}"
    answers = [(s.role, s.content) for s in conversation.history() if is_text(s.content)]
    expected = [(s.role, s.content) for s in history if is_text(s.content)]
    assert answers == expected, where
    for call_id, effects in world.effects.items():
        most = 2 if call_id.endswith("-3") else 1
        assert effects <= most, f"{where}: {call_id} took effect {effects} times"
    for call_id in ("1-idempotent", "1-3", "4-idempotent", "4-3"):
        assert world.effects[call_id] >= 1, f"{where}: {call_id} was forgotten"
    for number in (1, 4):
        call_id = f"{number}-at_most_once"
        if not world.effects[call_id]:
            assert "at_most_once" in died_at or died_at in ("fsync", "write"), where


def same_prefixes(requests: list[Any], whole: list[Any]) -> bool:
    """What a resumed process sends, an uninterrupted one sends too (but for unknown outcomes)."""
    known = [str(request["messages"]) for request in whole]
    return all(
        str(request["messages"]) in known or "outcome of this call is unknown" in str(request)
        for request in requests
    )


def test_killed_again_while_recovering_it_still_comes_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total, history, _ = uninterrupted(tmp_path / "whole", monkeypatch)
    for death in range(1, total + 1, 5):
        for second in range(1, 12):
            world, answers = World(), dict[str, str]()
            home = tmp_path / f"{death}-{second}"
            for doors in (Doors(death, torn=True), Doors(second)):
                world.doors = doors
                with world.doors.on_disk(monkeypatch):
                    try:
                        life(home, world, answers).close()
                    except Killed:
                        continue
            conversation = live_on(home, world, answers, monkeypatch)
            conversation.close()
            texts = [(s.role, s.content) for s in conversation.history() if is_text(s.content)]
            assert texts == [(s.role, s.content) for s in history if is_text(s.content)]
            assert all(n <= (3 if i.endswith("-3") else 1) for i, n in world.effects.items())


def test_a_power_cut_takes_nothing_that_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total, _, _ = uninterrupted(tmp_path / "whole", monkeypatch)
    for death in range(1, total + 1):
        world, answers = World(), dict[str, str]()
        log = tmp_path / str(death) / "ada" / "turns.jsonl"
        world.doors = Doors(death)
        with pytest.raises(Killed), world.doors.on_disk(monkeypatch):
            life(tmp_path / str(death), world, answers)
        if log.exists():
            os.truncate(log, min(world.doors.synced.get(str(log), 0), log.stat().st_size))
        live_on(tmp_path / str(death), world, answers, monkeypatch).close()


def live_on(
    home: Path, world: World, answers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Conversation:
    """A life in which nothing goes wrong."""
    world.doors = Doors()
    with world.doors.on_disk(monkeypatch):
        return life(home, world, answers)


@pytest.mark.parametrize("operation", ["write", "fsync", "replace"])
def test_a_disk_error_anywhere_reaches_the_caller_and_the_same_process_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    _, history, _ = uninterrupted(tmp_path / "whole", monkeypatch)
    for nth in range(1, 60):
        world, answers = World(), dict[str, str]()
        conversation = Conversation.open(
            tmp_path / str(nth), "ada", client=world, tools=world.tools, checkpoint_every=2
        )
        failed = send_all_with_one_error(conversation, monkeypatch, operation, nth, answers)
        conversation.close()
        texts = [(s.role, s.content) for s in conversation.history() if is_text(s.content)]
        assert texts == [(s.role, s.content) for s in history if is_text(s.content)]
        assert all(n <= 1 for n in world.effects.values())
        assert len(world.claude.requests) == 10
        if not failed:
            return
    pytest.fail("the error never stopped coming")


def send_all_with_one_error(
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    nth: int,
    answers: dict[str, str],
) -> bool:
    real, seen = getattr(os, operation), [0]

    def fails_once(*args: Any, **kwargs: Any) -> Any:
        seen[0] += 1
        if seen[0] == nth:
            raise OSError(28, "No space left on device")
        return real(*args, **kwargs)

    failed = False
    with monkeypatch.context() as patch:
        patch.setattr(os, operation, fails_once)
        for number, text in enumerate(SCRIPT):
            try:
                conversation.send(f"m{number}", text)
            except OSError:
                failed = True
                conversation.send(f"m{number}", text)
    return failed
