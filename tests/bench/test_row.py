"""Rows, their relations, and the report's JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bench.row import Report, ReportError, Row, Target, dumps, exponent, loads, related


def row(subject: str, size: int, median: float | None, workload: str = "full") -> Row:
    return Row("window", subject, None, workload, size, median, "us/turn")


@given(st.floats(-1, 3), st.floats(1e-3, 1e6))
def test_the_exponent_of_a_power_is_found(power: float, factor: float) -> None:
    points = [(size, factor * size**power) for size in (100, 1_000, 10_000)]
    assert exponent(points) == pytest.approx(power, abs=1e-6)


def test_one_size_has_no_exponent() -> None:
    assert exponent([(100, 3.0), (100, 4.0)]) is None
    assert exponent([]) is None


def test_ratios_are_to_ours_at_the_same_size_and_workload() -> None:
    rows = related(
        [
            row("harness", 100, 2.0),
            row("harness", 1_000, 4.0),
            row("peer", 100, 20.0),
            row("peer", 1_000, 200.0),
            row("peer", 1_000, 7.0, "bounded"),
            row("absent", 100, None),
        ]
    )
    assert [each.ratio_to_ours for each in rows] == [1, 1, 10, 50, None, None]
    assert rows[2].exponent == pytest.approx(1.0)
    assert rows[4].exponent is None


def test_a_report_is_read_back_from_its_json() -> None:
    targets = (Target("a turn", "<= 3 us", "2.9 us", True), Target("x", "y", "z", None, "why"))
    report = Report({"cores": 2}, related([row("harness", 100, 2.0), row("p", 100, None)]), targets)
    assert loads(dumps(report), "x.json") == report


def test_the_json_has_all_keys_always() -> None:
    report = Report({"cores": 2}, (row("harness", 100, None),), (Target("a", "b", "c", None),))
    whole = json.loads(dumps(report))
    assert whole["version"] == 1
    (group,) = whole["groups"]
    assert group["name"] == "window"
    assert group["unit"] == "us/turn"
    assert group["rows"][0].keys() == {
        *("subject", "version", "workload", "size", "unit", "median", "ratio_to_ours"),
        *("exponent", "note"),
    }
    assert whole["targets"][0].keys() == {"name", "goal", "measured", "kept", "note"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "x.json: expected a report that"),
        ("[]", "x.json: expected a report that"),
        ('{"version": 2}', "x.json: expected a report of version 1, got 2"),
        ('{"version": 1, "groups": [{}]}', "x.json: expected a report that .* KeyError"),
    ],
)
def test_what_is_no_report_is_refused_by_name(text: str, complaint: str) -> None:
    with pytest.raises(ReportError, match=complaint):
        loads(text, "x.json")


def test_find_gives_the_largest_size_that_was_measured() -> None:
    rows = (row("p", 100, 1.0), row("p", 1_000, 2.0), row("p", 10_000, None))
    report = Report({}, rows)
    assert report.find("window", "p", "full") == rows[1]
    assert report.find("window", "p", "full", 100) == rows[0]
    assert report.find("window", "p", "bounded") is None
