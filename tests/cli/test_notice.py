"""A line for a wait: on a terminal, and only there."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.notice import clear, notice


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def _terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Stands for stderr from now on: pytest puts its own there after each fixture."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return stream


def test_what_takes_its_time_is_said_over_what_was_said_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = _terminal(monkeypatch)
    notice("loading")
    notice("starting " + "x" * 100)
    clear()
    assert terminal.getvalue().split("\r\x1b[K") == [
        "",
        "  loading",
        "  starting " + "x" * 69,
        "",
    ]


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_nothing_is_said_where_nobody_watches(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = _terminal(monkeypatch)
    monkeypatch.setenv(name, value)
    notice("loading")
    clear()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_terminal_is_told_what_is_going_on_before_anything_is_imported(
    command: str, shelf: Path
) -> None:
    """On a real terminal; the target is none, so that it ends at once."""
    master, slave = pty.openpty()
    environ = {key: value for key, value in os.environ.items() if key != "CI"}
    argv = [sys.executable, "-m", "harness", command, "scenarios/resume/torn_tail.scenario.yaml"]
    done = subprocess.run(
        [*argv, "--target", "none"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**environ, "TERM": "xterm"},
        check=False,
    )
    os.close(slave)
    said = os.read(master, 65_536).decode()
    os.close(master)
    assert done.returncode == 4
    assert done.stdout == b""
    assert said.startswith("\r\x1b[K  loading the lab\r\x1b[K")
    assert said.rsplit("\r\x1b[K", 1)[1].startswith("--target none: expected path/to/file.py")
