"""A durable append: what acknowledging one message costs, on a disk, against a bare write and
fsync.

Ours and the floor are measured alternately, to two files of one folder, in wall time: what is
waited for is the disk. The floor writes the very bytes that ours writes. Libraries that do not
fsync are shown with a note: they are fast because they promise less.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from harness.bench.groups.restore import stored, write_session
from harness.bench.peers.shelf import Store, offering, peer_of
from harness.bench.plan import FILL_CAP_S, GROUPS, OURS, SIZES, Case
from harness.bench.stopwatch import Stopwatch
from harness.bench.talk import POOL, pool
from harness.lifecycle import ConversationCodec

FLOOR = "bare write + fsync"
ROUNDS = 200
UNIT = GROUPS["append"]


def cases(*, peers: bool) -> list[Case]:
    """Ours with its floor, and the peers, after histories of every size."""
    subjects = [OURS, *(peer.name for peer in offering("append") if peers)]
    return [Case("append", subject, "full", size) for subject in subjects for size in SIZES]


def _measure_ours(case: Case, stopwatch: Stopwatch, folder: Path) -> None:
    path = write_session(folder, case.size)
    raw = os.open(folder / "raw", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with ConversationCodec(path) as codec:
        text = pool()[0][1]
        # The first one may begin a new file.
        codec.append("assistant", text)
        before = path.stat().st_size
        codec.append("assistant", text)
        with path.open("rb") as log:
            log.seek(before)
            line = log.read()

        def floor() -> None:
            os.write(raw, line)
            os.fsync(raw)

        mine, bare = stopwatch.alternately(
            lambda: codec.append("assistant", text), floor, ROUNDS, time.perf_counter
        )
    os.close(raw)
    stopwatch.row(mine * 1e6, UNIT, f"{len(line)} bytes")
    stopwatch.row(bare * 1e6, UNIT, subject=FLOOR)


def _speaker(store: Store) -> Callable[[int], None]:
    numbers = count()
    said = pool()

    def work(number: int) -> None:
        for _ in range(number):
            store.append("assistant", said[next(numbers) % POOL][1])

    return work


@pytest.mark.filterwarnings("ignore")
def test_append(case: Case, stopwatch: Stopwatch, on_disk: Path) -> None:
    """Measure one subject's append."""
    if case.subject == OURS:
        _measure_ours(case, stopwatch, on_disk)
        return
    peer = peer_of(case.subject)
    assert peer is not None
    stopwatch.version = peer.version
    if peer.version is None:
        stopwatch.row(None, UNIT, peer.absence)
        return
    if (hopeless := stopwatch.hopeless()) is not None:
        stopwatch.row(None, UNIT, hopeless)
        return
    room = peer.load()
    store: Store = room.store(on_disk)
    try:
        _measure_theirs(store, case, stopwatch, getattr(room, "NOTE", {}).get("append"))
    except Exception as error:  # noqa: BLE001 - a library may raise anything; its row says so
        stopwatch.row(None, UNIT, peer.broke(error))
    store.close()


def _measure_theirs(store: Store, case: Case, stopwatch: Stopwatch, note: str | None) -> None:
    if not stored(store, case):
        stopwatch.fall_behind()
        why = f"capped: {case.size:,} turns were not stored within {FILL_CAP_S:.0f} s"
        stopwatch.row(None, UNIT, why)
        return
    clock = time.perf_counter
    stopwatch.turns(lambda: _speaker(store), UNIT, scale=1e6, fresh=False, note=note, clock=clock)
