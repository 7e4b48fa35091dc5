"""`harness explore`: invented scenarios, a line of progress, and each finding as a file."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from harness.cli.choose import the_one
from harness.cli.notice import notice
from harness.cli.stop import INTERRUPTED, USAGE, Stop
from harness.report.replay import replay_command
from harness.report.screen import Line, Span, broken
from harness.terminal import columns, is_watched

if TYPE_CHECKING:
    from harness.lab.explore.hunt import Found, Hunt

REPORTS = Path("reports") / "explored"
"""Where findings are written, a folder a target, unless told otherwise."""
_COUNTS = ("no promise", "one promise")


def explore(arguments: argparse.Namespace) -> int:
    """Hunt, and say what came of it: 0 nothing broke, 1 something did, 2 interrupted."""
    if importlib.util.find_spec("hypothesis") is None:
        raise Stop(
            USAGE,
            "expected Hypothesis, which invents the scenarios, and it is not installed; "
            "install it with `uv sync --extra explore`",
        )
    from harness.cli.reporting import folder as make_folder
    from harness.lab.explore.explore import Interrupted
    from harness.lab.explore.explore import explore as hunt
    from harness.lab.play import TargetError

    budget_ns = _budget(arguments.budget)
    folder: Path = arguments.out or REPORTS / _plain(arguments.target)
    base = None if arguments.scenario is None else the_one(arguments.scenario)
    make_folder("--out", arguments.out)
    notice(f"starting {arguments.target} and the reference stack")
    progress = _Progress(sys.stderr, budget_ns / 1e9)
    try:
        came = hunt(
            target=arguments.target,
            base=base,
            seed=arguments.seed or 0,
            budget_ns=budget_ns,
            folder=folder,
            on_case=progress.on_case,
            **({} if arguments.cases is None else {"cases_max": arguments.cases}),
        )
    except TargetError as error:
        raise Stop(USAGE, str(error)) from error
    except (Interrupted, KeyboardInterrupt) as error:
        progress.clear()
        if isinstance(error, Interrupted):
            _say([*_lines(error.came, arguments.target)])
        raise Stop(INTERRUPTED, f"interrupted; what was found lies in {folder}") from error
    finally:
        progress.clear()
    _say([*_lines(came, arguments.target)])
    return 1 if came.found else 0


class _Progress:
    """One line that is written over, on a terminal; nothing elsewhere."""

    def __init__(self, stream: IO[str], budget_s: float) -> None:
        self._stream = stream
        self._live = is_watched(stream)
        self._ends = time.monotonic() + budget_s

    def on_case(self, cases: int, broken: int) -> None:
        """Say how far it is."""
        if self._live:
            left = max(0, round(self._ends - time.monotonic()))
            said = f"{cases:,} cases, {_counted(broken)} broken, {left} s left"
            self._stream.write(f"\r\x1b[K  {said}")
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def _budget(text: str) -> int:
    from harness.scenario.units import UNITS_NS, parse_duration

    try:
        duration_ns = parse_duration(text)
    except ValueError:
        duration_ns = 0
    if not 0 < duration_ns <= UNITS_NS["d"]:
        raise Stop(
            USAGE, f"--budget: expected a time such as 60s or 5m, at most a day, got {text!r}"
        )
    return duration_ns


def _plain(target: str) -> str:
    """A folder's name for a target: `path/to/agent.py:Mine` is `agent.py-Mine`."""
    return target.replace("\\", "/").rpartition("/")[2].replace(":", "-")


def _lines(came: Hunt, target: str) -> Iterator[Line]:
    for one in came.found:
        yield from _finding(one, target)
        yield ()
    for path in came.kept:
        yield (Span("kept  ", "green"), Span(f"{path} is not broken any more"))
    said = f"{came.cases:,} case{'' if came.cases == 1 else 's'} on {target}: "
    style = "bold red" if came.found else "green"
    yield (Span(said, "bold"), Span(f"{_counted(len(came.found))} broken", style))
    if came.invalid:
        cases = "case" if came.invalid == 1 else "cases"
        yield (
            Span(f"{came.invalid:,} {cases} proved nothing, as where a fault never fires", "dim"),
        )
    if came.unfair:
        also = "finding was" if came.unfair == 1 else "findings were"
        yield (Span(f"{came.unfair} {also} left out: the reference stack fails there too", "dim"),)


def _finding(one: Found, target: str) -> Iterator[Line]:
    yield from broken(one.code, one.message, columns())
    size = f"{_several(one.turns, 'turn')}, {_several(one.faults, 'fault')}"
    when = f"found in case {one.case}" if one.case else "found before, and still there"
    yield (Span(f"   {size}; {when}", "cyan"),)
    yield (Span("   file:    ", "dim"), Span(str(one.path)))
    option = shlex.quote(target) if ":" in target else None
    again = replay_command(one.token, str(one.path), option)
    yield (Span("   replay:  ", "dim"), Span(again, "bold"))


def _counted(count: int) -> str:
    return _COUNTS[count] if count < len(_COUNTS) else f"{count} promises"


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _say(lines: Sequence[Line]) -> None:
    from harness.report.text import painter, say

    say(painter(sys.stdout), lines)
