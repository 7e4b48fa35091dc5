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

from harness.bench.groups.restore import measure_peer, write_session
from harness.bench.peers.shelf import Store, offering
from harness.bench.plan import GROUPS, OURS, SIZES, Case
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
    measure_peer(case, stopwatch, on_disk, _measure_theirs)


def _measure_theirs(store: Store, _case: Case, stopwatch: Stopwatch, note: str | None) -> None:
    clock = time.perf_counter
    stopwatch.turns(lambda: _speaker(store), UNIT, scale=1e6, fresh=False, note=note, clock=clock)
