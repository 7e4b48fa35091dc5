"""What many failures come to, on one screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.checks.catalogue import PROMISES
from harness.checks.verdict import Finding
from harness.report.result import Result, Run
from harness.report.screen import plain
from harness.report.tally import tally

Make = Callable[..., Result]


def _found(*codes: str) -> tuple[Finding, ...]:
    return tuple(Finding(code, "kill", 1, "gone", None, "") for code in codes)


def _rows(run: Run) -> list[list[str]]:
    return [line.split() for line in plain(tally(run)).split("\n")[1:]]


def test_each_promise_has_its_scenarios_counted_and_its_simplest_case_replayed(
    result_of: Make,
) -> None:
    many = result_of("a/many", "fail", findings=_found("P2", "P1", "P1"))
    simple = result_of("a/simple", "fail", findings=_found("P2"))
    assert _rows(Run((many, result_of(), simple), 3)) == [
        ["P2", "effect-exactly-once", "2", "harness", "replay", simple.record.header.token],
        ["P1", "prefix-continuation", "1", "harness", "replay", many.record.header.token],
    ]


def test_a_swept_finding_is_replayed_by_its_own_token(result_of: Make) -> None:
    result = result_of("a/b", "fail", findings=_found("S1", "P2"))
    verdict = result.verdict
    findings = (verdict.findings[0], replace(verdict.findings[1], token="hx1-swept"))
    swept = replace(result, verdict=replace(verdict, findings=findings))
    assert _rows(Run((swept, swept), 2))[0][-1] == "hx1-swept"


def test_what_is_invalid_has_a_line_of_its_own_at_the_end(result_of: Make) -> None:
    wrong = result_of("a/b", "invalid", reasons=("why",))
    broken = result_of("a/c", "fail", findings=_found("W1"))
    assert [row[0] for row in _rows(Run((wrong, broken, wrong), 3))] == ["W1", "invalid"]
    assert _rows(Run((wrong, broken, wrong), 3))[1][1] == "2"


def test_one_failure_tells_its_own_story(result_of: Make) -> None:
    assert tally(Run((result_of(), result_of(outcome="fail", findings=3)), 2)) == []


def test_a_run_that_breaks_every_promise_still_fits_one_screen(result_of: Make) -> None:
    every = result_of("a/b", "fail", findings=_found(*(each.code for each in PROMISES)))
    wrong = result_of("a/c", "invalid", reasons=("why",))
    lines = plain(tally(Run((every, every, wrong), 3))).split("\n")
    assert len(lines) == len(PROMISES) + 2 <= 22
    assert max(map(len, lines)) <= 100


def test_commands_too_long_to_stand_beside_their_promise_stand_below_it(result_of: Make) -> None:
    far = replace(result_of("a/b", "fail", findings=_found("P2")), scenario_file="x" * 60)
    lines = plain(tally(Run((far, far), 2), 100)).split("\n")
    assert lines[1] == "  P2 effect-exactly-once            2"
    assert lines[2] == f"     harness replay {far.record.header.token} --in {'x' * 60}"
