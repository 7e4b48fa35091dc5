"""The commands that play and judge: run, replay, check."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from harness.case import TokenError, parse
from harness.cli.choose import found, select, sound
from harness.cli.stop import USAGE, Stop
from harness.lab import play as lab
from harness.record import RecordError
from harness.report import github, json, junit
from harness.report.result import Result, Run
from harness.report.text import Announcer
from harness.scenario.load import ScenarioError
from harness.world.syscalls.rehearsal import UnknownRecorder


def run(arguments: argparse.Namespace) -> int:
    """Play everything under the paths, say it, and write the reports that were asked for."""
    scenarios, bad = sound(found(arguments.paths))
    if bad:
        raise Stop(USAGE, "\n".join(bad))
    scenarios = select(scenarios, arguments.only)
    started = time.monotonic()
    # With the JSON report on stdout, people read stderr.
    stream = sys.stderr if arguments.json == "-" else sys.stdout
    announcer = Announcer(
        stream,
        os.environ,
        planned=len(scenarios),
        clock=time.monotonic,
        quiet=arguments.quiet,
    )
    try:
        done = lab.play(
            scenarios,
            target=arguments.target,
            python=arguments.python,
            seed=arguments.seed,
            jobs=arguments.jobs,
            report=arguments.report,
            on_result=announcer.on_result,
        )
    except (lab.TargetError, ScenarioError, UnknownRecorder) as error:
        raise Stop(USAGE, str(error)) from error
    finally:
        announcer.close()
    announcer.finish(done)
    say_notes()
    try:
        _publish(arguments, done)
        github.publish(done, os.environ, stream, time.monotonic() - started)
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"expected to write {error.filename}, got {error.strerror}; name another file"
        raise Stop(USAGE, message) from error
    return done.exit_code


def replay(arguments: argparse.Namespace) -> int:
    """One case again. Scenarios that are unsound are passed over, aloud."""
    try:
        parse(arguments.token)
        scenarios, bad = sound(found(arguments.paths))
        if bad:
            sys.stderr.write("passed over:\n" + "\n".join(bad) + "\n")
        return _say(
            lab.replay(
                arguments.token,
                scenarios,
                target=arguments.target,
                python=arguments.python,
                keep=arguments.keep,
            )
        )
    except (lab.TargetError, TokenError, UnknownRecorder) as error:
        raise Stop(USAGE, str(error)) from error
    except LookupError as error:
        raise Stop(USAGE, str(error.args[0]) if error.args else "not found") from error


def check(arguments: argparse.Namespace) -> int:
    """Judge a stored record again."""
    try:
        return _say(lab.check(arguments.record))
    except RecordError as error:
        raise Stop(USAGE, str(error)) from error


def _publish(arguments: argparse.Namespace, done: Run) -> None:
    if arguments.json == "-":
        sys.stdout.write(json.dumps(done))
    elif arguments.json:
        _write(Path(arguments.json), json.dumps(done))
    if arguments.junit:
        _write(arguments.junit, junit.junit(done))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _say(result: Result) -> int:
    """One result on stdout, and its exit code."""
    announcer = Announcer(sys.stdout, os.environ, planned=1, clock=time.monotonic, progress=False)
    announcer.on_result(result)
    say_notes()
    return Run((result,), planned=1).exit_code


def say_notes() -> None:
    """What the target's interpreter had to do without, on stderr."""
    for note in lab.notes():
        sys.stderr.write(f"note: {note}\n")
