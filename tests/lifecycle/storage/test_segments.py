"""Rotation: one log in several files, with a crash at any step leaving no gap and no duplicate."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lifecycle import ConversationCodec
from harness.lifecycle.storage.segments import Segments

SIZE = 600


class Killed(BaseException):
    """The process dies here."""


def numbers(path: Path) -> list[int]:
    codec = ConversationCodec(path)
    records = codec.read_all()
    assert codec.damage == []
    return [record.sequence for record in records]


def test_a_large_log_goes_on_in_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with ConversationCodec(path, rotate_bytes=SIZE) as codec:
        records = [codec.append("user", f"line {n}") for n in range(30)]
    files = sorted(each.name for each in tmp_path.iterdir())
    assert len(files) > 4
    assert files[1] == "log.jsonl.000001"
    assert all(each.stat().st_size < 2 * SIZE for each in tmp_path.iterdir())
    assert ConversationCodec(path).read_all() == records
    assert ConversationCodec(path).verify() == []


@pytest.mark.parametrize("name", ["log.jsonl.1", "log.jsonl.00000²", "log.jsonl.old.000001"])
def test_a_file_that_rotation_does_not_make_is_no_part_of_the_log(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    with ConversationCodec(path) as codec:
        codec.append("user", "ours")
    (tmp_path / name).write_bytes(b"a copy that somebody made\n")
    assert [each.content for each in ConversationCodec(path).read_all()] == ["ours"]
    assert ConversationCodec(path).verify() == []


def test_the_millionth_file_comes_after_the_last_of_six_digits(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with ConversationCodec(path, rotate_bytes=1) as codec:
        records = [codec.append("user", f"line {n}") for n in range(3)]
    for old, new in (("000002", "1000000"), ("000001", "999999")):
        path.with_name(f"log.jsonl.{old}").rename(path.with_name(f"log.jsonl.{new}"))
    assert ConversationCodec(path).read_all() == records
    with ConversationCodec(path, rotate_bytes=1) as codec:
        records.append(codec.append("user", "line 3"))
    assert (tmp_path / "log.jsonl.1000001").is_file()
    assert ConversationCodec(path).read_all() == records


def test_a_tail_may_begin_in_an_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with ConversationCodec(path, rotate_bytes=SIZE) as codec:
        records = [codec.append("user", f"line {n}") for n in range(30)]
    for begin in range(30):
        again = ConversationCodec(path, rotate_bytes=SIZE)
        tail = (records[begin].offset, records[begin].sequence)
        assert again.settle(tail=tail)[: 30 - begin] == records[begin:]
        assert again.head == records[begin].offset
        assert again.read_head() == records[:begin]
        assert again.append("user", "more").sequence == 30 + begin
        again.close()


@pytest.mark.parametrize("die_at", range(14))
@pytest.mark.parametrize("how", ["kill", "error"])
def test_whatever_step_of_a_rotation_fails_nothing_is_lost_or_doubled(
    die_at: int, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    codec = ConversationCodec(path, rotate_bytes=1)
    stored = [codec.append("user", f"line {n}").sequence for n in range(2)]
    steps = itertools.count()

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if next(steps) == die_at:
                raise Killed if how == "kill" else OSError(errno.EIO, "bad disk")
            return real(*args, **named)

        return call

    for name in ("rename", "open", "fsync", "write", "ftruncate"):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))
    while next(steps) < die_at:
        try:
            stored.append(codec.append("user", "more").sequence)
        except OSError:
            continue
        except Killed:
            break
    monkeypatch.undo()
    found = numbers(path)
    assert found == list(range(len(found)))
    assert set(stored) <= set(found)
    with ConversationCodec(path, rotate_bytes=1) as again:
        again.append("user", "after")
    assert numbers(path) == list(range(len(found) + 1))


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 4000))
def test_any_prefix_of_the_files_loads(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    with ConversationCodec(path, rotate_bytes=SIZE) as codec:
        records = [codec.append("user", f"zeile {n} ünïcode \u2028") for n in range(20)]
    files = Segments(path)
    files.look()
    data = files.read()
    keep = min(cut, len(data))
    for each in sorted(path.parent.iterdir(), key=lambda each: (each.suffix == ".jsonl", each)):
        each.write_bytes(each.read_bytes()[: max(0, keep)])
        keep -= each.stat().st_size
        if not each.stat().st_size:
            each.unlink()
    found = ConversationCodec(path).read_all()
    assert found == records[: len(found)]
    with ConversationCodec(path) as again:
        assert again.append("user", "after").sequence == len(found)
    assert numbers(path) == list(range(len(found) + 1))


def test_a_missing_segment_is_damage_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with ConversationCodec(path, rotate_bytes=SIZE) as codec:
        for n in range(30):
            codec.append("user", f"line {n}")
    (tmp_path / "log.jsonl.000002").unlink()
    broken = ConversationCodec(path).verify()
    assert len(broken) == 1
    assert "records are missing" in broken[0].reason


def test_other_files_are_no_segments(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl.ids").write_bytes(b"x")
    (tmp_path / "log.jsonl").write_bytes(b"abc")
    files = Segments(tmp_path / "log.jsonl")
    files.look()
    assert (files.base, files.read(), files.read(1, 2)) == (0, b"abc", b"b")
