"""`harness explain`: the promise behind a code, how it breaks, how to keep it, who saw it."""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap
from collections.abc import Iterator

from harness.checks.catalogue import PROMISES, Promise
from harness.checks.stories import Story, stories
from harness.cli.stop import USAGE, Stop
from harness.report.screen import Line, Span
from harness.terminal import TABLE_COLUMNS_MAX, columns, hanging, has_colours

_TABLE_INDENT = 26


def explain(arguments: argparse.Namespace) -> int:
    """One code on one screen; without a code, all of them, a line each."""
    if arguments.code is None:
        _say([*_table(columns(TABLE_COLUMNS_MAX))])
        return 0
    found = {promise.code: promise for promise in PROMISES}
    code = arguments.code.upper()
    if code not in found:
        near = difflib.get_close_matches(code, found, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}? " if near else ""
        raise Stop(
            USAGE,
            f"harness explain: there is no code {arguments.code!r}; {hint}"
            f"there are {', '.join(found)}",
        )
    _say([*_lines(found[code], stories()[code], columns())])
    return 0


def _table(width: int) -> Iterator[Line]:
    """A line each; one that is too long goes on below its own beginning."""
    for promise in PROMISES:
        label = f"{promise.code} {promise.name}"
        first, *more = hanging(label, promise.says, indent=_TABLE_INDENT, width=width)
        yield (Span(first[: len(label)], "bold"), Span(first[len(label) :]))
        yield from ((Span(line),) for line in more)
    yield ()
    yield (Span("harness explain CODE tells the story of one", "dim"),)


def _lines(promise: Promise, story: Story, width: int) -> Iterator[Line]:
    yield (Span(f"{promise.code} {promise.name}", "bold red"),)
    yield from _paragraph(f"{promise.says[0].upper()}{promise.says[1:]}.", width)
    for title, text in (("How it breaks", story.cause), ("How to keep it", story.fix)):
        yield ()
        yield (Span(title, "bold"),)
        yield from _paragraph(text, width)
    if story.reports:
        yield ()
        yield (Span("Where it was seen", "bold"),)
    for report in story.reports:
        yield (Span("  "), Span(report.url, "cyan"))
        yield from _paragraph(report.says, width, "    ")


def _paragraph(text: str, width: int, indent: str = "  ") -> Iterator[Line]:
    wrapped = textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    yield from ((Span(line),) for line in wrapped)


def _say(lines: list[Line]) -> None:
    """Colour on a terminal; elsewhere plain, and without rich, which would be the slowest part."""
    if not has_colours(sys.stdout):
        sys.stdout.writelines("".join(span.text for span in line) + "\n" for line in lines)
        return
    from harness.report.text import painter, say

    say(painter(sys.stdout), lines)
