"""A run on a terminal, and as plain lines."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable

import pytest

from harness.report.result import Result, Run
from harness.report.text import Announcer


@pytest.fixture(autouse=True)
def terminal_of_our_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal the tests themselves run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def say(run: Run, stream: io.StringIO, environ: dict[str, str], *, quiet: bool = False) -> str:
    clock = iter((0.0, 4.2)).__next__
    announcer = Announcer(stream, environ, planned=run.planned, clock=clock, quiet=quiet)
    for result in run.results:
        announcer.on_result(result)
    announcer.finish(run)
    return stream.getvalue()


def test_a_pipe_gets_plain_lines(sample_run: Run) -> None:
    text = say(sample_run, io.StringIO(), {})
    assert "\x1b" not in text
    assert "\npass  budget/bill_does_not_spike " in text
    assert text.endswith(
        "\n4 scenarios: 2 kept, 1 broken, 1 invalid   1d 8h of conversation in 4.20 s\n"
    )
    assert "\n\n\n" not in text


def test_quiet_says_only_what_did_not_pass_and_the_total(sample_run: Run) -> None:
    text = say(sample_run, io.StringIO(), {}, quiet=True)
    assert "\npass " not in text
    assert not text.startswith("pass ")
    assert "FAIL  resume/kill_before_tool_result" in text
    assert "INVALID  wire/overloaded_then_recovers" in text
    assert text.endswith("in 4.20 s\n")


def test_a_terminal_gets_colours_and_a_progress_line_that_goes_away(sample_run: Run) -> None:
    text = say(sample_run, Terminal(), {})
    assert "\x1b[1;31mFAIL\x1b[0m" in text
    assert "4/4" in text
    assert "\x1b[2K" in text


def test_no_progress_line_in_ci_even_on_a_terminal(sample_run: Run) -> None:
    assert "4/4" not in say(sample_run, Terminal(), {"CI": "true"})


def test_colours_in_a_pipe_bring_no_codes_that_move_a_cursor(
    sample_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = say(sample_run, io.StringIO(), {"FORCE_COLOR": "1"})
    assert "\x1b[1;31mFAIL\x1b[0m" in text
    assert set(re.findall(r"\x1b\[[\d;?]*([a-zA-Z])", text)) == {"m"}
    assert "\r" not in text


def test_no_color_is_kept(sample_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;31m" not in say(sample_run, Terminal(), {})


def test_a_token_is_never_wrapped(result_of: Callable[..., Result]) -> None:
    result = result_of(outcome="fail", findings=1)
    text = say(Run((result,), 1), Terminal(), {"CI": "1"})
    assert f"harness replay {result.record.header.token}" in text


def test_a_reader_who_left_ends_nothing(sample_run: Run) -> None:
    """rich would end the process there, with 1, which is the code of a broken promise."""
    reader, writer = os.pipe()
    os.close(reader)
    clock = iter((0.0, 4.2)).__next__
    with open(writer, "w", encoding="utf-8") as stream:
        announcer = Announcer(stream, {}, planned=4, clock=clock)
        for result in sample_run.results:
            announcer.on_result(result)
        announcer.finish(sample_run)
        assert os.fstat(stream.fileno()).st_rdev == os.stat(os.devnull).st_rdev
