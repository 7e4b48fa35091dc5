"""What all failures of a run come to, on one screen: which promises, in how many scenarios, and the
simplest case of each, ready to be played again.

The simplest is the scenario with the fewest findings, the first of them. One failure tells its own
story, so there is no table for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.checks.catalogue import PROMISES, promise
from harness.report.replay import replay_of
from harness.report.result import Result, Run
from harness.report.screen import Line, Span

_NAME_WIDTH = max(len(f"{each.code} {each.name}") for each in PROMISES)
_ORDER = {each.code: place for place, each in enumerate(PROMISES)}


def tally(run: Run, width: int = 100) -> list[Line]:
    """A line for each broken promise, the commonest first, and one for what was invalid.

    Where a command is too long to stand beside its promise, all of them stand below theirs.
    """
    wrong = [result for result in run.results if result.outcome != "pass"]
    if len(wrong) < 2:
        return []
    head = f"  {'broken promise':<{_NAME_WIDTH}}  scenarios  replay the simplest"
    rows = [*_broken(wrong), *_invalid(wrong)]
    if any(sum(len(span.text) for span in row) > width for row in rows):
        rows = [
            line for *told, _gap, again in rows for line in (tuple(told), (Span(" " * 5), again))
        ]
    return [(Span(head, "dim"),), *rows]


def _broken(wrong: list[Result]) -> Iterator[Line]:
    by_code: dict[str, list[Result]] = {}
    for result in wrong:
        for code in dict.fromkeys(finding.code for finding in result.verdict.findings):
            by_code.setdefault(code, []).append(result)
    for code in sorted(by_code, key=lambda code: (-len(by_code[code]), _ORDER.get(code, 99))):
        results = by_code[code]
        simplest = min(results, key=lambda result: len(result.verdict.findings))
        findings = simplest.verdict.findings
        token = next(finding.token for finding in findings if finding.code == code)
        name = f"{code} {promise(code).name}".rstrip()
        yield _row(name, "bold red", len(results), replay_of(simplest, token))


def _invalid(wrong: list[Result]) -> Iterator[Line]:
    invalid = [result for result in wrong if result.outcome == "invalid"]
    if invalid:
        again = replay_of(invalid[0], invalid[0].record.header.token)
        yield _row("invalid", "yellow", len(invalid), again)


def _row(name: str, style: str, count: int, again: str) -> Line:
    gap, known = Span("  "), Span(f"  {name:<{_NAME_WIDTH}}", style)
    return (known, Span(f"{count:>11}"), gap, Span(again, "bold"))
