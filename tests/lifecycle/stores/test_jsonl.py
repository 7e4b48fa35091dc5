"""Sessions as files: where they lie, and that the lock is not kept by a failed opening."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lifecycle import Checkpoint, Conversation, JsonlStore, WindowFull
from tests.lifecycle.fake_claude import FakeClaude


def test_a_session_is_a_private_folder_of_files_with_fixed_names(tmp_path: Path) -> None:
    held = JsonlStore(tmp_path).open("Ada")
    held.log.append("user", "hello")
    held.checkpoints.save(Checkpoint(1))
    held.release()
    folder = tmp_path / "%41da"
    assert {path.name for path in folder.iterdir()} == {"turns.jsonl", "checkpoint.json"}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_conversation_that_cannot_be_opened_leaves_the_session_free(tmp_path: Path) -> None:
    with pytest.raises(WindowFull):
        Conversation.open(
            tmp_path, "ada", client=FakeClaude([]), window_tokens=10, system="word " * 100
        )
    JsonlStore(tmp_path).open("ada").release()


def test_a_checkpoint_of_another_user_is_set_aside(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    for user in ("ada", "bob"):
        held = store.of(user).open("000001")
        held.log.append("user", "hello")
        held.checkpoints.save(Checkpoint(0, position=1, last_assistant_message=user))
        held.release()
    mine, other = (tmp_path / user / "000001" / "checkpoint.json" for user in ("ada", "bob"))
    mine.write_bytes(other.read_bytes())
    held = store.of("ada").open("000001")
    assert held.checkpoints.load() is None
    assert "bob/000001" in held.checkpoints.damage[0]
    held.release()


def test_ids_are_read_from_folders(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    for session_id in ("Ada", "a/b", "x" * 300):
        store.open(session_id).release()
    assert sorted(store.session_ids())[:2] == ["Ada", "a/b"]
    assert store.session_ids()[-1].startswith("x" * 48 + "%%")
