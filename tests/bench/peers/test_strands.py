"""This peer keeps its word to the benchmarks, where it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.peers.keeping import check_peer

pytestmark = pytest.mark.filterwarnings("ignore")


def test_it_trims_counts_and_restores_as_the_benchmarks_ask(tmp_path: Path) -> None:
    check_peer("strands", tmp_path)
