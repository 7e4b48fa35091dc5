"""What a run says on GitHub: a summary page (`$GITHUB_STEP_SUMMARY`) and annotations.

Both are there only where the runner sets the variables. Forms: GitHub's "Workflow commands".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from harness.checks.catalogue import promise
from harness.report.result import Result, Run
from harness.report.screen import Line, plain, screen, spoken, total, wall
from harness.report.tally import tally

SUMMARY = "GITHUB_STEP_SUMMARY"
ACTIONS = "GITHUB_ACTIONS"

_MARKS = {"pass": "✅ kept", "fail": "❌ broken", "invalid": "⚠️ invalid"}


def publish(run: Run, environ: Mapping[str, str], stream: IO[str], wall_s: float) -> None:
    """Append the summary and write the annotations, each where its variable is set."""
    if environ.get(ACTIONS) == "true":
        stream.writelines(f"{line}\n" for line in errors(run))
    if path := environ.get(SUMMARY):
        with Path(path).open("a", encoding="utf-8") as page:
            page.write(summary(run, wall_s))


def summary(run: Run, wall_s: float) -> str:
    """The page in Markdown: a table of all scenarios, and the screen of each that did not pass."""
    rows = [
        f"| {_MARKS[result.outcome]} | {_cell(result.story)} | {_cell(_said(result))} "
        f"| {spoken(result.verdict.numbers.virtual_s)} | {wall(result.wall_s)} |"
        for result in run.results
    ]
    table = ["| verdict | scenario | why | conversation | took |", "|---|---|---|---|---|", *rows]
    screens = [_verbatim(screen(result, 100)) for result in run.results if result.outcome != "pass"]
    head = f"### Crash lab: {plain([total(run, wall_s)])}\n"
    broken = tally(run)
    told = [_verbatim(broken)] if broken else []
    return "\n".join([head, *told, *(table if rows else []), "", *screens])


def _verbatim(lines: Sequence[Line]) -> str:
    text = plain(lines).replace("```", chr(0x2035) * 3)
    return f"```text\n{text}\n```\n"


def errors(run: Run) -> list[str]:
    """One `::error` for each scenario that did not pass, at its file."""
    return [
        f"::error file={_property(result.path)},line=1,"
        f"title={_property(_title(result))}::{_data(plain(screen(result, 100)))}"
        for result in run.results
        if result.outcome != "pass"
    ]


def _title(result: Result) -> str:
    findings = result.verdict.findings
    if not findings:
        return f"{result.story} is invalid"
    return f"{result.story} broke {_broken(result)}"


def _broken(result: Result) -> str:
    codes = dict.fromkeys(finding.code for finding in result.verdict.findings)
    return ", ".join(f"{code} {promise(code).name}".rstrip() for code in codes)


def _said(result: Result) -> str:
    return _broken(result) if result.verdict.findings else " ".join(result.verdict.reasons)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
