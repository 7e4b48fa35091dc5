"""A restart of ours and its floor come to the same window."""

from __future__ import annotations

import os
from pathlib import Path

from harness.bench.groups.restore import Restart, cases, no_barrier, write_session
from harness.bench.plan import SIZES


def test_the_floor_reads_the_same_window_as_ours(tmp_path: Path) -> None:
    restart = Restart(write_session(tmp_path, 300))
    ours = restart.ours()
    assert ours == restart.tail()
    assert len(ours) == 40
    assert len(restart.whole(lambda line: line)) == 600


def test_a_session_shorter_than_its_tail_is_read_too(tmp_path: Path) -> None:
    restart = Restart(write_session(tmp_path, 5))
    assert len(restart.ours()) == 10


def test_the_barrier_comes_back(tmp_path: Path) -> None:
    real = os.fsync
    with no_barrier():
        assert os.fsync is not real
    assert os.fsync is real


def test_every_size_is_measured() -> None:
    assert [case.size for case in cases(peers=False)] == list(SIZES)
    assert {case.subject for case in cases(peers=True)} > {"harness", "Strands", "OpenAI Agents"}
