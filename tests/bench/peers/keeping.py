"""What the benchmarks ask of every peer's room; skips where the peer is not installed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from harness.bench.peers.shelf import PEERS
from harness.bench.talk import turns

TURNS = 60


def check_peer(room: str, folder: Path) -> None:
    """It trims a history, counts longer texts as more, and reads back what it stored."""
    (peer,) = [peer for peer in PEERS if peer.room == room]
    if peer.version is None:
        pytest.skip(reason=peer.absence)
    loaded = peer.load()
    if "window" in peer.calls:
        for bounded in (False, True):
            window = loaded.window(bounded=bounded)
            window.fill(turns(TURNS))
            sizes = [len(window.turn(*turn)) for turn in turns(2, TURNS)]
            assert all(2 <= size <= 2 * TURNS for size in sizes), sizes
            assert len(str(window.turn(*next(turns(1))))) > 0
            getattr(window, "close", lambda: None)()
    if "count" in peer.calls:
        counts = [loaded.count("some words " * repeated) for repeated in (1, 10, 100)]
        assert all(less < more for less, more in pairwise(counts))
    if "restore" in peer.calls:
        store = loaded.store(folder)
        try:
            store.fill(turns(TURNS))
        except Exception as error:  # its row says the same
            pytest.skip(reason=peer.broke(error))
        if "append" in peer.calls:
            store.append("user", "one more")
        assert len(store.restore()) == 2 * TURNS + ("append" in peer.calls)
        store.close()
