"""`harness doctor`: plain in CI, one JSON object for programs, 3 where nothing can work."""

from __future__ import annotations

import json

import pytest

from harness.cli import main
from harness.cli.commands import diagnosing
from harness.lab.doctor import Diagnosis, Line
from harness.report.screen import plain

FOUND = Diagnosis(
    True,
    "python",
    (
        Line("kernel", "ok", "Linux 6.1 on x86_64"),
        Line("recorder", "degraded", "python: " + "seen from Python only " * 6, "run elsewhere"),
    ),
)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosing, "diagnose", lambda: FOUND)


def test_every_line_is_said_with_its_remedy_below(
    found: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "ok        kernel           Linux 6.1 on x86_64\n" in said
    assert " " * 27 + "run elsewhere\n" in said
    assert "recorded by: python" in said
    assert "\x1b" not in said
    assert max(map(len, plain([*diagnosing.lines(FOUND, 80)]).split("\n"))) <= 80


def test_a_long_name_keeps_its_distance_from_what_is_said_of_it() -> None:
    long = Diagnosis(True, "seccomp", (Line("[langgraph-sqlite]", "ok", "langgraph 1.2"),))
    assert "ok        [langgraph-sqlite]  langgraph 1.2\n" in plain([*diagnosing.lines(long, 80)])


def test_programs_get_one_object(found: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["version"], data["works"], data["recorder"]) == (1, True, "python")
    assert data["lines"][1] == {
        "name": "recorder",
        "state": "degraded",
        "says": FOUND.lines[1].says,
        "remedy": "run elsewhere",
    }


def test_where_no_life_can_be_started_it_is_exit_code_three(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = Diagnosis(False, "none", (Line("a life", "missing", "no fork", "see the message"),))
    monkeypatch.setattr(diagnosing, "diagnose", lambda: nothing)
    assert main(["doctor"]) == 3
    assert "does not work here" in capsys.readouterr().out
