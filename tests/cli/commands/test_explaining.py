"""`harness explain`: one screen a code, at once, and a wrong code is told the right ones."""

from __future__ import annotations

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
    lines = plain([*explaining._table(80)]).split("\n")
    assert max(map(len, lines)) <= 80
    assert all(line[:26].strip() == "" or line[2] == " " for line in lines[:-2])
    assert len(plain([*explaining._table(None)]).split("\n")) == len(PROMISES) + 2
