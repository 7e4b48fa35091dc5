"""`harness explain`: one screen a code, at once, and a wrong code is told the right ones."""

from __future__ import annotations

import io
import re

import pytest

from harness.checks.catalogue import PROMISES
from harness.cli import main
from harness.cli.commands import explaining
from harness.report.screen import plain


@pytest.mark.parametrize("code", [promise.code for promise in PROMISES])
def test_each_code_is_explained_on_one_screen(
    code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["explain", code.lower()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{code} ")
    assert "How it breaks" in lines
    assert "How to keep it" in lines
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_without_a_code_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    out = capsys.readouterr().out
    assert all(f"{promise.code} {promise.name}" in out for promise in PROMISES)


def test_a_code_that_is_none_ends_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "P9"]) == 4
    assert "there is no code 'P9'; did you mean P" in capsys.readouterr().err


def test_on_a_narrow_terminal_the_table_stays_one() -> None:
    lines = plain([*explaining._table(60)]).split("\n")
    assert max(map(len, lines)) <= 60
    assert all(line[:26].strip() == "" or line[2] == " " for line in lines[:-2])


@pytest.mark.parametrize("argv", [["explain"], ["explain", "P2"]])
def test_a_pipe_gets_eighty_columns_and_colours_only_where_they_are_asked_for(
    argv: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.__stdout__", io.StringIO())
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert 60 < max(map(len, said.split("\n"))) <= 80
    assert "\x1b" not in said
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(argv) == 0
    painted = capsys.readouterr().out
    assert "\x1b[1" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == said


def test_s6_says_that_sessions_share_a_home(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "S6"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Put the id in the path" in told
    assert "several sessions may share `home`" in told
