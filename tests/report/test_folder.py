"""What a report's folder holds, and what is said where it cannot be written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.record import read
from harness.report.folder import store
from harness.report.result import Result


def test_record_scenario_and_verdict_lie_below_the_story(
    result_of: Callable[..., Result], tmp_path: Path
) -> None:
    result = result_of(outcome="fail", findings=1)
    assert store(result, tmp_path) == ""
    folder = tmp_path / result.story
    assert read(folder / "record.jsonl").header == result.record.header
    assert json.loads((folder / "scenario.json").read_text()) == {"name": result.story}
    assert json.loads((folder / "verdict.json").read_text())["outcome"] == "fail"


def test_a_disk_without_room_is_a_sentence(
    result_of: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_options: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    result = result_of()
    assert store(result, tmp_path) == (
        f"--report {tmp_path}: expected to write {tmp_path / result.story}, got No space left on "
        "device; make room, or name another folder"
    )


def test_half_a_letter_in_what_a_target_said_is_stored_too(
    result_of: Callable[..., Result], tmp_path: Path
) -> None:
    result = result_of(outcome="invalid", reasons=("it raised \ud800",))
    assert store(result, tmp_path) == ""
    verdict = json.loads((tmp_path / result.story / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["reasons"] == ["it raised \ud800"]
