"""Only regular files are read, and only so much of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.files import Unreadable, read_file, storable


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff\0a")
    assert read_file(tmp_path / "a", 3) == b"\xff\0a"


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (Path.mkdir, "got a folder; name a file"),
        (_pipe, "got a pipe, a socket or a device; name a file"),
        (lambda path: path.symlink_to("/dev/zero"), "got a pipe, a socket or a device"),
        (lambda path: path.symlink_to("nowhere"), r"system \(No such file or directory\); check"),
        (lambda path: path.symlink_to(path.name), r"system \(Too many levels"),
        (lambda path: path.write_bytes(b"1234"), "got more than 3 bytes; give a shorter one"),
    ],
)
def test_what_is_no_file_of_that_length_is_said(tmp_path: Path, make: object, got: str) -> None:
    path = tmp_path / "there"
    make(path)  # type: ignore[operator]
    with pytest.raises(Unreadable, match=got):
        read_file(path, 3)


def test_a_name_that_no_system_takes_is_said() -> None:
    with pytest.raises(Unreadable, match="an error of the system"):
        read_file(Path("a\0b"), 3)
    with pytest.raises(Unreadable, match="File name too long"):
        read_file(Path("a" * 5000), 3)


@given(text=st.text(st.characters(exclude_categories=()) | st.sampled_from("\ud800\udfff\\")))
def test_any_text_can_be_stored_as_json_and_is_the_same_again(text: str) -> None:
    stored = storable(json.dumps(text, ensure_ascii=False)).encode("utf-8")
    again = json.loads(stored)
    # Two halves side by side are one letter to whoever reads JSON.
    assert again == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
