"""This peer keeps its word to the benchmarks, where it is installed."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path

import pytest

from tests.bench.peers.keeping import check_peer

pytestmark = pytest.mark.filterwarnings("ignore")


def test_it_trims_counts_and_restores_as_the_benchmarks_ask(tmp_path: Path) -> None:
    check_peer("openai_agents", tmp_path)


def test_it_leaves_no_event_loop_behind(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True, action="always", category=ResourceWarning) as left:
        check_peer("openai_agents", tmp_path)
        gc.collect()
    assert [str(each.message) for each in left] == []
