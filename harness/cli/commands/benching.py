"""`harness bench`: trimming, counting, restoring, appending and the bill, side by side.

Exit codes: 0 measured and every target kept or not measured; 1 a target missed; 2 interrupted; 3 a
case broke; 4 an unknown group, no pytest-benchmark, a baseline that cannot be read, no disk; 5
`--peers` with no peer installed.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from harness.bench.goals import judge
from harness.bench.machine import NoDisk, disk_folder
from harness.bench.peers.shelf import INSTALL, present
from harness.bench.plan import UnknownGroup, chosen
from harness.bench.report.against import compare
from harness.bench.report.tell import tell
from harness.bench.row import Report, ReportError, dumps, loads
from harness.bench.run import Broken, Interrupted, NoBenchmarks, run
from harness.cli.stop import INTERRUPTED, INVALID, NOTHING, USAGE, Stop
from harness.cli.written import written
from harness.files import Unreadable, read_file
from harness.terminal import is_watched

BASELINE_BYTES_MAX = 16 * 1024 * 1024


def bench(arguments: argparse.Namespace) -> int:
    """Measure, say it, and write what was asked for."""
    groups = _groups(arguments)
    before = _baseline(arguments.against)
    stream = sys.stderr if arguments.json == "-" else sys.stdout
    live = is_watched(stream)
    began = time.monotonic()

    def on_case(name: str, done: int, planned: int) -> None:
        if live:
            left = (time.monotonic() - began) * (planned - done) / done
            told = f"  {done} of {planned}, some {left:.0f} s to go: {name}"[:79]
            stream.write(f"\r\x1b[K{told}" if done < planned else "\r\x1b[K")
        elif done % 25 == 0 or done == planned:
            stream.write(f"{done} of {planned} measured\n")
        stream.flush()

    interrupted = False
    try:
        report = run(groups, peers=arguments.peers, on_case=on_case, store=arguments.store)
    except NoBenchmarks as error:
        raise Stop(USAGE, f"harness bench: {error}") from error
    except Broken as error:
        raise Stop(INVALID, f"harness bench: a case broke\n{error}") from error
    except Interrupted as stopped:
        report, interrupted = stopped.report, True
    report = replace(report, targets=judge(report, groups))
    tell(report, stream)
    if before is not None:
        stream.write("\n" + "\n".join(compare(before, report, arguments.against)) + "\n")
    _publish(arguments, report)
    if interrupted:
        return INTERRUPTED
    return 1 if any(target.kept is False for target in report.targets) else 0


def _groups(arguments: argparse.Namespace) -> list[str]:
    try:
        groups = chosen(arguments.groups)
    except UnknownGroup as error:
        raise Stop(USAGE, f"harness bench: {error}") from error
    if arguments.peers and not present():
        raise Stop(
            NOTHING,
            f"harness bench --peers: expected at least one peer, got none installed; {INSTALL}, or "
            "leave --peers out",
        )
    if {"restore", "append"} & set(groups):
        try:
            disk_folder().rmdir()
        except NoDisk as error:
            raise Stop(USAGE, f"harness bench: {error}") from error
    return groups


def _baseline(path: Path | None) -> Report | None:
    if path is None:
        return None
    try:
        return loads(read_file(path, BASELINE_BYTES_MAX).decode("utf-8"), str(path))
    except Unreadable as error:
        message = f"{path}: expected a report of `harness bench --json`, {error}"
        raise Stop(USAGE, f"harness bench --against: {message}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        message = f"{path}: expected a report of `harness bench --json`, got {error}"
        raise Stop(USAGE, f"harness bench --against: {message}; name another file") from error
    except ReportError as error:
        raise Stop(USAGE, f"harness bench --against: {error}") from error


def _publish(arguments: argparse.Namespace, report: Report) -> None:
    troubles = []
    if arguments.json == "-":
        sys.stdout.write(dumps(report))
    elif arguments.json:
        troubles.append(written("--json", Path(arguments.json), dumps(report)))
    if arguments.page is not None:
        from harness.bench.report.page import page

        troubles.append(written("--page", arguments.page, page(report)))
    if any(troubles):
        raise Stop(USAGE, "\n".join(filter(None, troubles)))
