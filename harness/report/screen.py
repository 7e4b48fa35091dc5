"""One result as the lines of one screen: pure text with styles, no terminal in sight.

A screen is at most 22 lines of at most `width` columns, so that it fits 80x24 with a prompt below
it: of many findings the first of each promise are shown, and the rest are counted, and so are the
reasons for which it is invalid too. Tokens are never cut, for they are copied.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.checks.catalogue import promise
from harness.checks.verdict import Finding
from harness.report.replay import replay_of
from harness.report.result import RecoveryCount, Result, Run, StateCount
from harness.terminal import tidy

LINES_MAX = 22
MESSAGE_LINES = 3
_SHOWN = (
    *((3, 3, 2), (3, 2, 2), (3, 1, 2), (3, 1, 1), (2, 2, 2), (2, 1, 2), (2, 1, 1)),
    *((1, 2, 2), (1, 1, 2), (1, 1, 1), (1, 0, 0)),
)
"""Findings, reasons beside them, and lines of such a reason: the first that fit one screen."""
_ALL_REASONS = " (--json FILE names all)"

BADGES = {"pass": ("pass", "green"), "fail": ("FAIL", "bold red"), "invalid": ("INVALID", "yellow")}


@dataclass(frozen=True)
class Span:
    """A run of characters in one style (a rich style's name, or nothing)."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


def plain(lines: Sequence[Line]) -> str:
    """The lines without their styles."""
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def screen(result: Result, width: int = 80) -> list[Line]:
    """Everything about one result that did not pass, or the one line of one that did."""
    if result.outcome == "pass":
        return [passed(result, width)]
    head, tail = [*_head(result, width)], [*_tail(result)]
    for most, beside, each in _SHOWN:
        body = [*_findings(result, width, most), *_reasons(result, width, most, beside, each)]
        lines = [*head, *body, *_not_applicable(result, width), *tail]
        if len(lines) <= LINES_MAX:
            break
    return lines


def passed(result: Result, width: int = 80) -> Line:
    """`pass  resume/double_crash      1d 4h in 0.31 s`."""
    time = f"{spoken(result.verdict.numbers.virtual_s)} in {wall(result.wall_s)}"
    left = (Span("pass", "green"), Span(f"  {result.story}"), *_blindness(result))
    return _sides(left, time, width)


def total(run: Run, wall_s: float) -> Line:
    """`12 scenarios: 10 kept, 1 broken, 1 invalid   in 4.2 s (310h of conversation)`."""
    counts = dict.fromkeys(BADGES, 0)
    for result in run.results:
        counts[result.outcome] += 1
    said = [Span(f"{_counted(len(run.results), 'scenario')}: ", "bold")]
    words = (("pass", "kept"), ("fail", "broken"), ("invalid", "invalid"))
    for kind, word in words:
        if counts[kind] or kind == "pass":
            if len(said) > 1:
                said.append(Span(", "))
            said.append(Span(f"{counts[kind]} {word}", BADGES[kind][1]))
    virtual_s = sum(result.verdict.numbers.virtual_s for result in run.results)
    said.append(Span(f"   {spoken(virtual_s)} of conversation in {wall(wall_s)}", "dim"))
    if run.interrupted:
        left = run.planned - len(run.results)
        said.append(Span(f"   interrupted, {left} of {run.planned} not played", "yellow"))
    return tuple(said)


def spoken(seconds: float) -> str:
    """Virtual time in its two largest units: `8h 12m`, `2d 5h`, `40s`."""
    whole = int(seconds)
    for (size, unit), (small, small_unit) in (
        ((86_400, "d"), (3_600, "h")),
        ((3_600, "h"), (60, "m")),
        ((60, "m"), (1, "s")),
    ):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size}{unit}" + (f" {rest}{small_unit}" if rest else "")
    return f"{whole}s" if whole or not seconds else f"{seconds:.1f}s"


def wall(seconds: float) -> str:
    """Wall time: `0.31 s`, `12.4 s`, `3m 10s`."""
    if seconds >= 120:
        return spoken(seconds)
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _sides(left: Line, right: str, width: int) -> Line:
    """Left and right on one line, with at least two spaces between them."""
    used = sum(len(span.text) for span in left)
    return (*left, Span(" " * max(2, width - used - len(right))), Span(right, "dim"))


def _head(result: Result, width: int) -> Iterator[Line]:
    badge, style = BADGES[result.outcome]
    left = (
        Span(badge, style),
        Span(f"  {result.story}", "bold"),
        Span(f"  on {result.record.header.target}"),
    )
    virtual_s = result.verdict.numbers.virtual_s
    time = f"{spoken(virtual_s)} of conversation in {wall(result.wall_s)}"
    if result.wall_s > 0 and virtual_s > result.wall_s:
        time += f" ({_speed(virtual_s / result.wall_s)}x)"
    if sum(len(span.text) for span in left) + 2 + len(time) <= width:
        yield _sides(left, time, width)
    else:
        yield left
        yield (Span(f"      {time}", "dim"),)


def _speed(ratio: float) -> str:
    """Two figures are all that a wall clock is good for."""
    digits = len(str(int(ratio)))
    return f"{round(ratio, 2 - digits):,.0f}"


def _findings(result: Result, width: int, most: int) -> Iterator[Line]:
    findings = result.verdict.findings
    shown = _representatives(findings, most)
    told: set[str] = set()
    for finding in shown:
        yield from _finding(finding, width, crashes=result.verdict.numbers.crash_points_fired > 0)
        if result.states:
            # Every state is a case of its own.
            yield (Span("     replay:  ", "dim"), Span(replay_of(result, finding.token), "bold"))
        if finding.code not in told:
            told.add(finding.code)
            for (span,) in _wrapped(f"rule: {promise(finding.code).says}", width, 2):
                yield (Span(span.text, "dim"),)
    if more := len(findings) - len(shown):
        codes = ", ".join(dict.fromkeys(finding.code for finding in findings))
        yield (Span(f"  and {_counted(more, 'more finding')}", "bold"), Span(f": {codes} in all"))


def _representatives(findings: Sequence[Finding], most: int) -> list[Finding]:
    """The first of each promise, filled up with the rest, in their own order."""
    first = {finding.code: index for index, finding in reversed([*enumerate(findings)])}
    ranked = sorted(range(len(findings)), key=lambda i: (first[findings[i].code] != i, i))
    return [findings[index] for index in sorted(ranked[:most])]


def _finding(finding: Finding, width: int, *, crashes: bool) -> Iterator[Line]:
    yield from broken(finding.code, finding.message, width, "  ")
    turn = "whole run" if finding.turn is None else f"turn {finding.turn}"
    parts = [turn, f"[{finding.tier}]" if crashes else "", tidy(finding.where or "")]
    place = "     " + "   ".join(part for part in parts if part)
    yield (Span(place if len(place) <= width else f"{place[: width - 4]} ...", "cyan"),)


def broken(code: str, message: str, width: int, indent: str = "") -> Iterator[Line]:
    """A promise's code and name, and how it was broken: beside it, or below where that is long."""
    known, told = promise(code), tidy(message)
    title = f"{indent}{known.code} {known.name}".rstrip()
    if len(title) + 3 + len(told) <= width:
        yield (Span(title, "bold red"), Span(f"   {told}"))
        return
    yield (Span(title, "bold red"),)
    yield from _wrapped(told, width, MESSAGE_LINES, f"{indent}   ")


def _wrapped(text: str, width: int, most: int, indent: str = "     ") -> Iterator[Line]:
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        max_lines=most,
        placeholder=" ...",
    )
    for line in lines:
        yield (Span(line),)


def _reasons(result: Result, width: int, most: int, beside: int, each: int) -> Iterator[Line]:
    """Why it is invalid, twice `most` of them; or, beside findings, why it would be as well."""
    reasons, indent, lines = result.verdict.reasons, "  ", MESSAGE_LINES
    most *= 2
    if reasons and result.verdict.findings:
        most, indent, lines = beside, " " * 5, each
        colon = ":" if most else _ALL_REASONS
        yield (Span(f"  also invalid: {_counted(len(reasons), 'reason')}{colon}", "yellow"),)
    for reason in reasons[:most]:
        yield from _wrapped(tidy(reason), width, lines, indent)
    if 0 < most < len(reasons):
        more = _counted(len(reasons) - most, "more reason")
        yield (Span(f"{indent}and {more}{_ALL_REASONS}"),)


def _not_applicable(result: Result, width: int) -> Iterator[Line]:
    names = result.verdict.not_applicable
    if names:
        text = f"not asked of {result.record.header.target}: {', '.join(names)}"
        for (span,) in _wrapped(text, width, 2, "  "):
            yield (Span(span.text, "dim"),)


def swept(result: Result) -> Iterator[Line]:
    """For each tier that was swept: `kill   77 distinct states, 0 broken`."""
    for tier, count in result.states.items():
        one = count.distinct == 1
        what = f"distinct state{'' if one else 's'}"
        if not tier.islower():
            what = "disk operation that fails" if one else "disk operations that fail"
        said = f"  {tier:<6}{count.distinct:>6,} {what}, "
        if tier == "real":
            kills = f"kill{'' if count.judged == 1 else 's'}"
            said = f"  {tier:<6}{count.judged:>6,} {kills} that left {count.distinct:,} {what}, "
        yield (Span(said), _broken(count, judged=tier != "real"))
        if count.tried < count.legal:
            said = f"        found in an even sample of {count.tried:,} of {count.legal:,} ways to"
            yield (Span(f"{said} crash, as many as are tried", "yellow"),)
        if (again := result.recoveries.get(tier)) is not None:
            said = f"        {again.distinct:>4,} more by crashing again in {again.recorded:,} of "
            yield (Span(f"{said}{again.of:,} recoveries, "), _broken(again))


def _broken(count: StateCount | RecoveryCount, *, judged: bool = True) -> Span:
    of = f" of {count.judged:,} judged" if judged and count.judged != count.distinct else ""
    return Span(f"{count.violating:,} broken{of}", "bold red" if count.violating else "green")


def _blindness(result: Result) -> Line:
    """What the recorder without seccomp must own to."""
    told = result.record.header.fidelity == "python"
    return (Span("  (disk seen from Python only)", "yellow"),) if told else ()


def _tail(result: Result) -> Iterator[Line]:
    if not result.states:
        tokens = dict.fromkeys(finding.token for finding in result.verdict.findings)
        token = next(iter(tokens), result.record.header.token)
        yield (Span("  replay:  ", "dim"), Span(replay_of(result, token), "bold"))
    yield from swept(result)
    if blind := _blindness(result):
        yield blind
    numbers = result.verdict.numbers
    said = [_counted(numbers.requests, "request")]
    if count := len(result.verdict.findings):
        said.insert(0, _counted(count, "finding"))
    if planned := numbers.crash_points_planned:
        said.insert(0, f"{numbers.crash_points_fired} of {planned} crash points fired")
    yield (Span(", ".join(said), "dim"),)
