"""What the commands that play have in common: whom they speak to, what is refused, what is written.

The verdict is said before anything is written, and what cannot be written takes none of it away: it
is a sentence on stderr, and exit code 4.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harness.case import TokenError
from harness.cli.stop import USAGE, Stop
from harness.cli.written import tried, written
from harness.lab import play as lab
from harness.report import github, json, junit
from harness.report.result import Run
from harness.scenario.load import ScenarioError
from harness.world.syscalls.rehearsal import UnknownRecorder


def people(arguments: argparse.Namespace) -> IO[str]:
    """Where people read: with the JSON report on stdout, that is stderr."""
    return sys.stderr if arguments.json == "-" else sys.stdout


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """What the lab refuses is said in its own words, with exit code 4."""
    try:
        yield
    except (KeyError, IndexError):
        raise  # LookupErrors too, but mistakes of the harness
    except (lab.TargetError, ScenarioError, TokenError, UnknownRecorder, LookupError) as error:
        raise Stop(USAGE, str(error)) from error


def folder(option: str, path: Path | None) -> None:
    """The folder that an option names is made, now: Stop where that cannot be, not hours later."""
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        message = f"{option} {path}: expected a folder to write in, got {error.strerror}"
        raise Stop(USAGE, f"{message}; name another folder") from error


def publish(
    done: Run, to_json: str | None, to_junit: Path | None = None, wall_s: float | None = None
) -> None:
    """Write the reports that were asked for, and given `wall_s` GitHub's; Stop where one fails."""
    troubles = [done.unwritten]
    if to_json == "-":
        sys.stdout.write(json.dumps(done))
    elif to_json:
        troubles.append(written("--json", Path(to_json), json.dumps(done)))
    if to_junit is not None:
        troubles.append(written("--junit", to_junit, junit.junit(done)))
    if wall_s is not None:
        stream = sys.stderr if to_json == "-" else sys.stdout
        page = os.environ.get(github.SUMMARY, "")
        troubles.append(
            tried(
                f"${github.SUMMARY}",
                page,
                lambda: github.publish(done, os.environ, stream, wall_s),
            )
        )
    if any(troubles):
        raise Stop(USAGE, "\n".join(filter(None, troubles)))


def say_notes() -> None:
    """What the target's interpreter had to do without, on stderr."""
    for note in lab.notes():
        sys.stderr.write(f"note: {note}\n")
