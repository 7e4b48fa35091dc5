"""What the commands that play have in common: refusals, and reports that cannot be written."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.case import TokenError
from harness.cli.reporting import folder, people, publish, refusals
from harness.cli.stop import USAGE, Stop
from harness.lab.crashes.sweep import Diverged
from harness.report.result import Run


def test_people_read_stderr_where_a_program_reads_stdout() -> None:
    assert people(argparse.Namespace(json="-")) is sys.stderr
    assert people(argparse.Namespace(json="out.json")) is sys.stdout


@pytest.mark.parametrize("error", [TokenError("mistyped"), Diverged("parted"), LookupError("gone")])
def test_what_the_lab_refuses_is_said_in_its_words(error: Exception) -> None:
    with pytest.raises(Stop, match=str(error)) as stopped, refusals():
        raise error
    assert stopped.value.code == USAGE


def test_a_mistake_of_the_harness_is_no_refusal() -> None:
    with pytest.raises(KeyError), refusals():
        raise KeyError("a key of ours")


def test_each_report_that_cannot_be_written_is_told_and_the_others_are_written(
    sample_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    run = replace(sample_run, unwritten="--report x: expected to write y, got no room")
    path = tmp_path / "run.json"
    with pytest.raises(Stop) as stopped:
        publish(run, str(path), Path("/dev/full"), 1.0)
    said = str(stopped.value).split("\n")
    assert [line.split(":")[0] for line in said] == [
        "--report x",
        "--junit /dev/full",
        "$GITHUB_STEP_SUMMARY /dev/full",
    ]
    assert stopped.value.code == USAGE
    assert json.loads(path.read_text())["exit"] == 1


def test_a_folder_that_cannot_be_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder("--keep", None)
    folder("--keep", tmp_path / "new/deep")
    assert [*(tmp_path / "new/deep").iterdir()] == []
    with pytest.raises(Stop, match=r"--keep \S+: expected a folder to write in, got") as stopped:
        folder("--keep", tmp_path / "file")
    assert stopped.value.code == USAGE
