"""A file that an option asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.written import tried, written


def test_a_file_is_written_and_so_is_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "x.json"
    assert written("--json", path, "{}") == ""
    assert path.read_text() == "{}"


def test_what_cannot_be_written_is_a_sentence_with_its_option_and_path(tmp_path: Path) -> None:
    assert written("--junit", Path("/dev/full"), "x") == (
        "--junit /dev/full: expected to write it, got No space left on device; make room, or name "
        "another file"
    )
    (tmp_path / "file").write_text("")
    told = written("--json", tmp_path / "file" / "x.json", "x")
    assert f"got File exists ({tmp_path / 'file'}); make room" in told


def test_a_reader_who_left_is_no_failure_to_write() -> None:
    def leave() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        tried("--json", "-", leave)
