"""`harness doctor`: what works on this machine, a line each, and what to do about the rest."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
import textwrap
from collections.abc import Iterator

from harness.cli.stop import INVALID
from harness.lab.doctor import Diagnosis, diagnose
from harness.report import screen
from harness.report.screen import Span
from harness.report.text import painter, say
from harness.terminal import COLUMNS, columns, is_watched

VERSION = 1
_STYLES = {"ok": "green", "degraded": "yellow", "missing": "bold red"}
_NAME_WIDTH_MIN = 17
_STATE_WIDTH = 10


def doctor(arguments: argparse.Namespace) -> int:
    """Try everything and say it; exit code 0 where the main job works, else 3."""
    console = painter(sys.stdout)
    live = is_watched(sys.stdout) and not arguments.json
    with console.status("trying what works here") if live else contextlib.nullcontext():
        found = diagnose()
    if arguments.json:
        data = {"version": VERSION, **dataclasses.asdict(found)}
        sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    else:
        say(console, [*lines(found, columns())])
    return 0 if found.works else INVALID


def lines(found: Diagnosis, width: int = COLUMNS) -> Iterator[screen.Line]:
    """`ok        kernel           Linux 6.18`, remedies below, and the sum of it."""
    name_width = max(_NAME_WIDTH_MIN, *(len(line.name) + 2 for line in found.lines))
    indent = " " * (_STATE_WIDTH + name_width)
    for line in found.lines:
        told = textwrap.wrap(line.says, max(20, width - len(indent))) or [""]
        yield (
            Span(f"{line.state:<{_STATE_WIDTH}}", _STYLES[line.state]),
            Span(f"{line.name:<{name_width}}", "bold"),
            Span(told[0]),
        )
        yield from ((Span(indent + more),) for more in told[1:])
        if line.remedy:
            for more in textwrap.wrap(line.remedy, max(20, width - len(indent))):
                yield (Span(indent + more, "dim"),)
    yield ()
    if found.works:
        said = f"The main job works here; disk operations are recorded by: {found.recorder}."
        yield (Span(said, "green" if found.recorder == "seccomp" else "yellow"),)
    else:
        yield (Span("The main job does not work here: see what is missing above.", "bold red"),)
