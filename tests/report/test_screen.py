"""One result on one screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks.catalogue import promise
from harness.checks.verdict import Finding
from harness.report.result import Result, Run, StateCount
from harness.report.screen import LINES_MAX, passed, plain, screen, spoken, swept, total, wall


def test_a_failure_shows_everything_that_is_needed(result_of: Callable[..., Result]) -> None:
    result = result_of(outcome="fail", findings=1)
    assert plain(screen(result, 100)).split("\n") == [
        "FAIL  resume/kill_before_tool_result  on naive            "
        "8h 12m of conversation in 0.31 s (95,000x)",
        "  P2 effect-exactly-once   book_table ran twice for one request",
        "     turn 41   [kill]   naive.py:88  log.append(result)",
        f"     rule: {promise('P2').says}",
        f"  replay:  harness replay {result.record.header.token}",
        "1 of 1 crash points fired, 1 finding, 43 requests",
    ]


def test_each_promise_is_represented_and_the_rest_is_counted(
    result_of: Callable[..., Result],
) -> None:
    text = plain(screen(result_of(outcome="fail", findings=9)))
    assert [code for code in ("P2", "P1", "W4") if f"  {code}" in text] == [
        "P2",
        "P1",
        "W4",
    ]
    assert text.count("book_table ran twice") == 1
    assert "and 6 more findings: P2, P1, W4, W5 in all" in text


def test_an_invalid_run_says_why_and_what_was_not_asked(result_of: Callable[..., Result]) -> None:
    result = result_of(
        outcome="invalid", reasons=("fault 1 never fired",), not_applicable=("P4", "expect.resume")
    )
    text = plain(screen(result))
    assert text.startswith("INVALID  resume/kill_before_tool_result  on naive\n")
    assert "\n  fault 1 never fired\n  not asked of naive: P4, expect.resume\n  replay:" in text


def test_reasons_are_shown_beside_findings(result_of: Callable[..., Result]) -> None:
    text = plain(screen(result_of(outcome="fail", findings=1, reasons=("a", "b"))))
    assert "\n  also invalid: 2 reasons:\n     a\n     b\n  replay:" in text
    many = result_of(outcome="fail", findings=1, reasons=tuple("abcdefg"))
    assert "     c\n     and 4 more reasons (--json FILE names all)" in plain(screen(many))


def test_a_kept_scenario_takes_one_line(result_of: Callable[..., Result]) -> None:
    result = result_of()
    assert screen(result) == [passed(result)]
    line = plain([passed(result)])
    assert line.startswith("pass  resume/kill_before_tool_result ")
    assert line.endswith("8h 12m in 0.31 s")
    assert len(line) == 80


TEXTS = st.text(max_size=2_000)


@given(
    findings=st.lists(st.tuples(st.sampled_from(["P1", "W5", "S2"]), TEXTS), max_size=12),
    reasons=st.lists(TEXTS, max_size=9),
    names=st.lists(st.sampled_from(["P4", "W6", "expect.cost_usd"]), max_size=9),
)
def test_every_screen_fits_80_by_24(
    findings: list[tuple[str, str]],
    reasons: list[str],
    names: list[str],
    result_of: Callable[..., Result],
) -> None:
    """Law: never more than 22 lines, never wider than 80 but for what is copied."""
    rows = tuple(Finding(code, "kill", 1, text, None, "") for code, text in findings)
    outcome = "fail" if rows else "invalid"
    result = result_of(
        outcome=outcome, findings=rows, reasons=tuple(reasons), not_applicable=tuple(names)
    )
    lines = plain(screen(result)).split("\n")
    assert len(lines) <= LINES_MAX
    assert all(len(line) <= 80 for line in lines)
    assert all(letter.isprintable() for line in lines for letter in line)
    assert sum(line.startswith("  replay:  harness replay hx1-") for line in lines) == 1


def test_a_long_place_is_cut_behind_its_line_number(result_of: Callable[..., Result]) -> None:
    finding = Finding("P1", "kill", 1, "gone", "naive.py:88  " + "log.append(result) " * 9, "")
    line = plain(screen(result_of(outcome="fail", findings=(finding,)))).split("\n")[3]
    assert line.startswith("     turn 1   [kill]   naive.py:88  log.append(result) ")
    assert line.endswith(" ...")
    assert len(line) == 80


def test_a_rule_is_told_once_for_all_its_findings(result_of: Callable[..., Result]) -> None:
    twice = (Finding("P5", "kill", 1, "a", None, ""), Finding("P5", "kill", 2, "b", None, ""))
    text = plain(screen(result_of(outcome="fail", findings=twice)))
    assert text.count("P5 consume-once") == 2
    assert text.count("rule: one user message is answered once") == 1


def test_without_a_crash_no_tier_and_no_crash_points_are_shown(
    result_of: Callable[..., Result],
) -> None:
    result = result_of(outcome="fail", findings=1)
    numbers = replace(result.verdict.numbers, crash_points_planned=0, crash_points_fired=0)
    quiet = replace(result, verdict=replace(result.verdict, numbers=numbers))
    text = plain(screen(quiet))
    assert "[kill]" not in text
    assert text.endswith("\n1 finding, 43 requests")


def test_control_characters_of_a_message_reach_no_terminal(
    result_of: Callable[..., Result],
) -> None:
    finding = Finding("P1", "kill", 1, "red \x1b[31m and\nbell \x07", None, "")
    text = plain(screen(result_of(outcome="fail", findings=(finding,))))
    assert "red \\x1b[31m and bell \\x07" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.8, "0.8s"), (40, "40s"), (3_600, "1h"), (29_520, "8h 12m"), (190_000, "2d 4h")],
)
def test_virtual_time_is_said_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert spoken(seconds) == text


def test_wall_time_is_said_as_fine_as_it_matters() -> None:
    assert [wall(0.314), wall(12.345), wall(190)] == ["0.31 s", "12.3 s", "3m 10s"]


def test_the_total_counts_each_outcome(sample_run: Run) -> None:
    assert plain([total(sample_run, 4.2)]) == (
        "4 scenarios: 2 kept, 1 broken, 1 invalid   1d 8h of conversation in 4.20 s"
    )


def test_an_interrupted_run_says_what_was_left(sample_run: Run) -> None:
    run = Run(sample_run.results[:1], planned=4, interrupted=True)
    assert plain([total(run, 1)]).endswith("interrupted, 3 of 4 not played")


def test_a_disk_that_was_seen_from_python_only_is_owned_to(
    result_of: Callable[..., Result],
) -> None:
    for result in (result_of(), result_of(outcome="fail", findings=1)):
        assert "seen from Python only" not in plain(screen(result))
        header = replace(result.record.header, fidelity="python")
        blind = replace(result, record=replace(result.record, header=header))
        assert "(disk seen from Python only)" in plain(screen(blind))


def test_a_sweep_that_fills_the_screen_still_gives_one_reason(
    result_of: Callable[..., Result],
) -> None:
    reason = "reply 2 of turn 5 was never used: the target did not ask the model for it, " * 2
    result = result_of(outcome="fail", findings=4, reasons=(reason, "b", "c"))
    states = {tier: StateCount(25, 22, 25) for tier in ("kill", "ext4", "posix")}
    lines = plain(screen(replace(result, states=states), 100)).split("\n")
    at = lines.index("  also invalid: 3 reasons:")
    assert lines[at + 1].startswith("     reply 2 of turn 5 was never used")
    assert lines[at + 2] == "     was never used: the target did not ask the model for it,"
    assert lines[at + 3] == "     and 2 more reasons (--json FILE names all)"
    assert len(lines) <= LINES_MAX


def test_real_kills_are_counted_by_the_blow_and_not_by_what_they_left(
    result_of: Callable[..., Result],
) -> None:
    states = {"kill": StateCount(9, 1, 7), "real": StateCount(4, 2, 5)}
    lines = plain([*swept(replace(result_of(), states=states))]).split("\n")
    assert lines == [
        "  kill       9 distinct states, 1 broken of 7 judged",
        "  real       5 kills that left 4 distinct states, 2 broken",
    ]
