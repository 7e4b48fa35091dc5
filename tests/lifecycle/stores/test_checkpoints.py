"""Checkpoints on a shelf: a damaged one gives the one before, another session's none."""

from __future__ import annotations

import logging

import pytest

from harness.lifecycle import Checkpoint
from harness.lifecycle.stores.checkpoints import StoredCheckpoints
from tests.lifecycle.stores.resting import MemoryShelf


def test_a_damaged_checkpoint_gives_the_one_before_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shelf = MemoryShelf()
    store = StoredCheckpoints(shelf, session_id="ada")
    store.save(Checkpoint(3))
    store.save(Checkpoint(6))
    whole = shelf.saves[0]
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        shelf.saves[0] = whole[:length]
        with caplog.at_level(logging.WARNING, "harness.lifecycle"):
            assert store.load() == Checkpoint(3)
        assert "set aside" in store.damage[0]
        assert store.damage[0] in caplog.text
    shelf.saves[0] = whole
    assert store.load() == Checkpoint(6)
    assert store.damage == []


def test_another_sessions_checkpoint_is_set_aside() -> None:
    shelf = MemoryShelf()
    StoredCheckpoints(shelf, session_id="ada").save(Checkpoint(3))
    other = StoredCheckpoints(shelf, session_id="eve")
    assert other.load() is None
    assert "'ada'" in other.damage[0]
