"""GitHub's summary page and annotations."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from harness.checks.verdict import Finding
from harness.report.github import errors, publish, summary
from harness.report.result import Result, Run


def test_the_summary_is_a_table_and_a_screen_for_each_trouble(sample_run: Run) -> None:
    page = summary(sample_run, 4.2)
    lines = page.split("\n")
    assert lines[0].startswith("### Crash lab: 4 scenarios: 2 kept, 1 broken, 1 invalid")
    row = "| ❌ broken | resume/kill_before_tool_result | P2 effect-exactly-once, "
    assert row + "P1 prefix-continuation | 8h 12m | 0.31 s |" in lines
    assert page.count("```text\n") == 3
    assert page.count("```") == 6
    assert "P2 effect-exactly-once            1  harness replay hx1-" in page.split("```")[1]


def test_cells_cannot_break_the_table_nor_messages_their_fence(
    result_of: Callable[..., Result],
) -> None:
    finding = Finding("P1", "kill", 1, "``` <b>|x", None, "")
    broken = result_of(outcome="fail", findings=(finding,))
    invalid = result_of(outcome="invalid", reasons=("a | b <script>",))
    page = summary(Run((broken, invalid), 2), 1)
    assert page.count("```") == 6
    assert "a \\| b &lt;script>" in page


def test_an_annotation_is_one_line_at_the_scenario_s_file(sample_run: Run) -> None:
    first, second = errors(sample_run)
    assert first.startswith(
        "::error file=scenarios/resume/kill_before_tool_result.scenario.yaml,line=1,"
        "title=resume/kill_before_tool_result broke P2 effect-exactly-once%2C "
        "P1 prefix-continuation::FAIL  resume"
    )
    assert "%0A" in first
    assert "\n" not in first
    assert "wire/overloaded_then_recovers is invalid::" in second


def test_nothing_is_published_without_the_variables(sample_run: Run, tmp_path: Path) -> None:
    stream = io.StringIO()
    publish(sample_run, {}, stream, 1)
    assert stream.getvalue() == ""
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    publish(sample_run, {"GITHUB_STEP_SUMMARY": str(page), "GITHUB_ACTIONS": "true"}, stream, 1)
    assert page.read_text().startswith("before\n### Crash lab")
    assert stream.getvalue().count("::error ") == 2
