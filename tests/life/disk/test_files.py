"""`open` that tells: it is `open` in everything else."""

from __future__ import annotations

import io
import mmap
import os
from pathlib import Path
from typing import Any

import pytest

from harness.life.disk import files, tell


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the calls that were told."""
    names: list[str] = []

    def ask(**message: Any) -> dict[str, Any]:
        names.append(message["name"])
        return {}

    monkeypatch.setattr(tell, "_ask", ask)
    return names


def _traits(file: Any) -> dict[str, Any]:
    names = ("mode", "name", "encoding", "errors", "newlines", "line_buffering", "closed")
    return {name: getattr(file, name, None) for name in names}


@pytest.mark.parametrize("mode", ["w", "a", "r+", "w+", "wb", "ab", "r+b", "rb+", "wt"])
def test_a_file_has_the_same_layers_and_traits_as_pythons_own(
    tmp_path: Path, told: list[str], mode: str
) -> None:
    path = tmp_path / "file"
    path.touch()
    with open(path, mode) as own, files.open_watched(path, mode) as ours:
        assert type(ours) is type(own)
        assert _traits(ours) == _traits(own)
        assert isinstance(ours.buffer.raw if "b" not in mode else ours.raw, files.WatchedFile)
    assert told == ["openat"]


def test_a_file_for_reading_is_pythons_own(tmp_path: Path, told: list[str]) -> None:
    (tmp_path / "file").write_text("text", encoding="utf-8")
    with files.open_watched(tmp_path / "file", encoding="utf-8") as file:
        assert file.read() == "text"
        assert type(file.buffer.raw) is io.FileIO
    assert told == []


def test_what_is_written_is_told_when_it_reaches_the_kernel(
    tmp_path: Path, told: list[str]
) -> None:
    with files.open_watched(tmp_path / "file", "w", encoding="utf-8") as file:
        file.write("text")
        assert told == ["openat"]
        file.flush()
        assert told == ["openat", "write"]
        file.truncate(2)
    assert told == ["openat", "write", "ftruncate"]
    assert (tmp_path / "file").read_bytes() == b"te"


def test_only_a_mapping_that_changes_its_file_is_told(tmp_path: Path, told: list[str]) -> None:
    (tmp_path / "file").write_bytes(b"x" * 4096)
    file = os.open(tmp_path / "file", os.O_RDWR)
    files.WatchedMap(file, 4096, access=mmap.ACCESS_READ).close()
    files.WatchedMap(file, 4096, mmap.MAP_PRIVATE).close()
    files.WatchedMap(-1, 4096).close()
    assert told == []
    with files.WatchedMap(file, 4096, access=mmap.ACCESS_WRITE) as one:
        one[:4] = b"seen"
    files.WatchedMap(file, 4096).close()
    assert told == ["mmap", "mmap"]
    os.close(file)


def test_bytes_have_no_lines_to_buffer_by(tmp_path: Path, told: list[str]) -> None:
    with pytest.warns(RuntimeWarning, match="bytes have no lines"):
        file = files.open_watched(tmp_path / "file", "wb", buffering=1)
    file.close()
    with pytest.raises(ValueError, match="unbuffered"):
        files.open_watched(tmp_path / "file", "w", buffering=0)
