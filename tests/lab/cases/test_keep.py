"""Keeping copies of a session's directory: a disk without room is a sentence, told once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.lab.cases.keep import Keep


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
