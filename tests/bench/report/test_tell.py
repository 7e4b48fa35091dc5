"""A report on the terminal."""

from __future__ import annotations

import io

import pytest

from harness.bench.report.tell import number, tables, tell
from harness.bench.row import Report, Row, Target, related


@pytest.fixture
def report() -> Report:
    rows = [
        Row("window", "harness", None, "full", 100, 2.5, "us/turn"),
        Row("window", "harness", None, "full", 1_000, 2.5, "us/turn"),
        Row("window", "peer", "1.2", "full", 100, 250.0, "us/turn"),
        Row("window", "peer", "1.2", "full", 1_000, None, "us/turn", "capped: [slow]"),
        Row("window", "gone", None, "full", 100, None, "us/turn", "absent: not installed"),
        Row("window", "gone", None, "full", 1_000, None, "us/turn", "absent: not installed"),
    ]
    targets = (Target("a turn", "<= 3 us", "2.50 us", True), Target("b", "<= 1", "2", False, "why"))
    return Report({}, related(rows), targets)


def test_a_subject_is_a_line_and_a_size_a_column(report: Report) -> None:
    (table,) = tables(report)
    assert table.header == ("", "100", "1,000", "growth", "times ours")
    assert table.lines[0] == ("harness", "2.50", "2.50", "n^0", "")
    assert table.lines[1] == ("peer 1.2", "250", "-", "-", "100x")
    assert table.notes == ("peer: capped: [slow] (at 1,000)", "gone: absent: not installed")


def test_without_a_terminal_it_is_plain_text(report: Report) -> None:
    stream = io.StringIO()
    tell(report, stream)
    said = stream.getvalue()
    assert "\x1b" not in said
    assert ["peer", "1.2", "250", "-", "-", "100x"] in [line.split() for line in said.splitlines()]
    assert "MISSED" in said
    assert "    b: why\n" in said


def test_on_a_terminal_the_same_is_painted(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    tell(report, stream)
    assert "\x1b[" in stream.getvalue()
    assert "capped: [slow]" in stream.getvalue()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        *((None, "-"), (0.0, "0.000"), (0.00012, "1.2e-04"), (0.0712, "0.071"), (2.512, "2.51")),
        *((51.23, "51.2"), (1234.5, "1,234"), (281_407.0, "281,407")),
    ],
)
def test_numbers_have_three_digits_that_mean_something(value: float | None, told: str) -> None:
    assert number(value) == told
