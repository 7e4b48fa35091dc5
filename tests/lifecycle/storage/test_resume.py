"""The checkpoint: whole or not at all, and never believed beyond its log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.lifecycle import Checkpoint, CheckpointStore

FIRST = Checkpoint(3, {"a": {"calls": 1}}, "three", position=10)
SECOND = Checkpoint(6, {"a": {"calls": 2}}, "six", position=20)


class Killed(BaseException):
    pass


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "checkpoint.json")
    assert store.load() is None
    store.save(FIRST)
    store.save(SECOND)
    assert store.load() == SECOND
    assert store.damage == []


def test_the_articles_three_fields_are_enough(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "checkpoint.json")
    store.save(Checkpoint(1, {"cart": ["a"]}, "hello"))
    loaded = store.load()
    assert loaded is not None
    assert (loaded.turn_number, loaded.tool_state) == (1, {"cart": ["a"]})


@pytest.mark.parametrize("length", [0, 1, 40, 80])
def test_a_torn_checkpoint_gives_the_one_before(tmp_path: Path, length: int) -> None:
    store = CheckpointStore(tmp_path / "checkpoint.json")
    store.save(FIRST)
    store.save(SECOND)
    store.path.write_bytes(store.path.read_bytes()[:length])
    assert store.load() == FIRST
    assert len(store.damage) == 1


def test_a_checkpoint_ahead_of_its_log_is_set_aside(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "checkpoint.json")
    store.save(FIRST)
    store.save(SECOND)
    assert store.load(log_length=20) == SECOND
    assert store.load(log_length=19) == FIRST
    assert store.load(log_length=9) is None


def test_another_sessions_checkpoint_is_set_aside(tmp_path: Path) -> None:
    CheckpointStore(tmp_path / "c", session_id="ada").save(FIRST)
    other = CheckpointStore(tmp_path / "c", session_id="eve")
    assert other.load() is None
    assert "'ada'" in other.damage[0]


@pytest.mark.parametrize("operation", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_death_at_any_step_of_a_save_leaves_one_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, nth: int
) -> None:
    store = CheckpointStore(tmp_path / "checkpoint.json")
    store.save(FIRST)
    real = getattr(os, operation)
    seen = 0

    def dies(*args: Any, **kwargs: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == nth:
            raise Killed
        return real(*args, **kwargs)

    with monkeypatch.context() as deadly:
        deadly.setattr(os, operation, dies)
        try:
            store.save(SECOND)
        except Killed:
            pass
        else:
            assert seen < nth
    assert store.load() in (FIRST, SECOND)
    store.save(SECOND)
    assert store.load() == SECOND
