"""Sealing lines and writing files whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle import MessageRefused
from harness.lifecycle.storage.durable import create_directory, seal, unseal, write_temporary

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
)


@given(st.dictionaries(st.text("abc", min_size=1), JSON, min_size=1))
def test_what_is_sealed_is_unsealed(value: dict[str, Any]) -> None:
    assert unseal(seal(value)) == value


@given(st.data())
def test_a_seal_breaks_with_any_byte(data: st.DataObject) -> None:
    line = bytearray(seal({"role": "user", "content": "hello"}))
    index = data.draw(st.integers(0, len(line) - 1))
    line[index] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="checksum"):
        unseal(bytes(line))


def test_not_a_number_is_refused() -> None:
    with pytest.raises(MessageRefused):
        seal({"x": float("nan")})


def test_folders_are_private_all_the_way_down(tmp_path: Path) -> None:
    create_directory(tmp_path / "a" / "b")
    create_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_failed_write_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_temporary(tmp_path / "file", b"data")
    assert list(tmp_path.iterdir()) == []
