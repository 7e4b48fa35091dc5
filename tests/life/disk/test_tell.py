"""Telling: what is said, and that the answer is obeyed."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.life.disk import tell
from harness.life.disk.tell import Told


class Runner:
    """Answers what it was given, and keeps what it was told."""

    def __init__(self, *answers: Mapping[str, Any]) -> None:
        self.answers = list(answers)
        self.heard: list[dict[str, Any]] = []

    def __call__(self, **message: Any) -> Mapping[str, Any]:
        self.heard.append(message)
        return self.answers.pop(0) if self.answers else {}


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes this process tell a runner that answers so."""

    def start(*answers: Mapping[str, Any]) -> Runner:
        runner = Runner(*answers)
        monkeypatch.setattr(tell, "_ask", runner)
        return runner

    return start


def test_nothing_is_told_while_nobody_listens() -> None:
    assert tell.silent()
    assert tell.tell(Told("sync", ()), lambda: "done") == "done"


def test_numbers_go_as_they_are_and_the_rest_beside_them(listening: Any) -> None:
    runner = listening()
    told = Told("copy_file_range", (3, None, 4, b"\xff\x00", 10, 0))
    assert tell.tell(told, lambda: 10) == 10
    [message] = runner.heard
    assert message["arguments"] == [3, 0, 4, 1, 10, 0]
    assert message["given"] == ["\udcff\x00"]
    assert message["thread"] > 0


def test_a_refused_call_raises_what_the_kernel_would_and_is_not_made(listening: Any) -> None:
    listening({"errno": errno.ENOSPC}, {"errno": errno.ENOENT})
    made: list[int] = []
    with pytest.raises(OSError, match=r"No space left on device: 'file'") as raised:
        tell.tell(Told("openat", (), paths=("file",)), lambda: made.append(1))
    assert raised.value.errno == errno.ENOSPC
    with pytest.raises(FileNotFoundError, match=r"'old' -> 'new'"):
        tell.tell(Told("rename", (), paths=("old", "new")), lambda: made.append(2))
    assert made == []


def test_a_part_of_a_write_is_all_that_is_done(listening: Any) -> None:
    runner = listening({"part": 3}, {"part": 2, "torn": True})
    told = Told("write", (1, b"abcdef", 6), lambda size: size)
    assert tell.tell(told, lambda: 6) == 3
    assert tell.tell(told, lambda: 6) == 2
    assert [message["name"] for message in runner.heard] == ["write", "write", "torn"]


def test_a_child_of_the_process_falls_silent(listening: Any) -> None:
    listening()
    assert not tell.silent()
    tell.fall_silent()
    assert tell.silent()


def test_a_path_that_no_kernel_would_take_is_refused() -> None:
    assert tell.path_of(Path("a/b")) == b"a/b"
    with pytest.raises(ValueError, match="null byte"):
        tell.path_of("a\0b")


def test_only_what_lies_on_a_disk_is_told_of(tmp_path: Path) -> None:
    out, into = os.pipe()
    file = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY)
    assert tell.writing(into, b"x", lambda size: size) is None
    assert tell.writing(file, b"", lambda size: size) is None
    assert tell.writing(file, memoryview(b"xy"), lambda size: size) is not None
    assert tell.opening("file", os.O_RDONLY | os.O_CLOEXEC, 0) is None
    for descriptor in (out, into, file):
        os.close(descriptor)
