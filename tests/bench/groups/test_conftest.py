"""The groups run as plain pytest, with its own benchmarks' JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from harness.bench.plan import room_of

ROOT = Path(__file__).parents[3]


def _pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", str(room_of("window")), *arguments]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )


def test_a_group_is_plain_pytest_and_writes_its_rows_beside_the_statistics(tmp_path: Path) -> None:
    stored = tmp_path / "stored.json"
    done = _pytest("-q", "-k", "harness-bounded-100 and not 1000", f"--benchmark-json={stored}")
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads(stored.read_text(encoding="utf-8"))
    (bench,) = written["benchmarks"]
    (row,) = written["harness"]["rows"]
    assert bench["group"] == "window bounded 100"
    assert bench["extra_info"]["turns"] >= 1
    assert (row["subject"], row["size"]) == ("harness", 100)
    assert row["median"] > 0


def test_peers_are_measured_only_where_asked_for() -> None:
    plain, peers = _pytest("--collect-only", "-q"), _pytest("--collect-only", "-q", "--peers")
    assert "litellm" not in plain.stdout
    assert "test_window[litellm-full-100]" in peers.stdout


def test_benchmarks_switched_off_are_skipped_with_a_reason() -> None:
    done = _pytest("-q", "-rs", "-k", "harness-bounded-100", "--benchmark-disable")
    assert done.returncode == 0, done.stdout
    assert "benchmarks are switched off" in done.stdout
