"""What a report's folder and a kept one hold, and what is said where they cannot be written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.record import read
from harness.report.folder import Keep, store
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


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "log").write_text("hello", encoding="utf-8")
    return home


def test_a_copy_lies_under_its_name_until_it_is_dropped(home: Path, tmp_path: Path) -> None:
    keep = Keep(tmp_path / "deep" / "kept")
    keep.copy(home, "before")
    assert (keep.folder / "before" / "log").read_text(encoding="utf-8") == "hello"
    keep.drop("before")
    assert not (keep.folder / "before").exists()
    assert keep.trouble == ""


def test_the_first_trouble_is_remembered_and_nothing_more_is_tried(tmp_path: Path) -> None:
    keep, tried = Keep(tmp_path), []

    def full(folder: Path) -> None:
        tried.append(folder.name)
        raise OSError(28, "No space left on device")

    keep.put("after-crash", full)
    keep.put("after-resume", full)
    keep.drop("nothing of this name")
    assert tried == ["after-crash"]
    assert keep.trouble == (
        f"--keep {tmp_path}: expected to keep `after-crash` there, got No space left on device; "
        "make room, or name another folder"
    )


def test_of_a_whole_trees_troubles_the_first_is_told(tmp_path: Path) -> None:
    keep = Keep(tmp_path)

    def full(_folder: Path) -> None:
        raise shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'"), ("c", "d", "x")])

    keep.put("after-resume", full)
    assert "got No space left on device; make room" in keep.trouble


def test_a_file_in_the_way_is_told_too(home: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file where a folder should be", encoding="utf-8")
    keep = Keep(tmp_path / "kept")
    keep.copy(home, "before")
    assert "expected to keep `before` there, got Not a directory; make room" in keep.trouble
