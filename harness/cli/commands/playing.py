"""The commands that play and judge: run, replay, check."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Sequence

from harness.case import parse
from harness.cli.choose import all_sound, complaints, found, select, sound
from harness.cli.notice import clear, notice
from harness.cli.reporting import folder, people, publish, refusals, say_notes
from harness.cli.stop import USAGE, Stop
from harness.lab import play as lab
from harness.record import RecordError
from harness.report.result import Result, Run
from harness.report.text import Announcer
from harness.scenario.load import Loaded


def run(arguments: argparse.Namespace) -> int:
    """Play everything under the paths, say it, and write the reports that were asked for."""
    notice("reading the scenarios")
    scenarios = select(all_sound(arguments.paths), arguments.only)
    folder("--report", arguments.report)
    started = time.monotonic()
    clear()
    announcer = Announcer(
        people(arguments),
        os.environ,
        planned=len(scenarios),
        clock=time.monotonic,
        quiet=arguments.quiet,
        waiting=f"starting {arguments.target}, which takes seconds",
    )
    try:
        with refusals():
            done = lab.play(
                scenarios,
                target=arguments.target,
                python=arguments.python,
                seed=arguments.seed,
                jobs=arguments.jobs,
                report=arguments.report,
                on_result=announcer.on_result,
            )
    finally:
        announcer.close()
    announcer.finish(done)
    announcer.hint(*_next(done, scenarios, arguments))
    say_notes()
    publish(done, arguments.json, arguments.junit, time.monotonic() - started)
    return done.exit_code


def _next(
    done: Run, scenarios: Sequence[Loaded], arguments: argparse.Namespace
) -> tuple[str, str] | tuple[()]:
    """What else there is to try, for one scenario that was kept: all its other crashes.

    It must have kept something on the disk for that: it was seen writing, or outlived a crash.
    """
    if len(done.results) != 1 or done.exit_code or scenarios[0].scenario.sweep is not None:
        return ()
    record = done.results[0].record
    wrote = any(event.data["operation"] == "write" for event in record.of("disk"))
    if not wrote and not any(record.of("crashed")):
        return ()
    words = ["harness", "sweep", scenarios[0].path]
    for option in ("target", "python"):
        if getattr(arguments, option) not in (None, "lifecycle"):
            words += [f"--{option}", getattr(arguments, option)]
    return "every other crash of it: ", shlex.join(words)


def replay(arguments: argparse.Namespace) -> int:
    """One case again. Scenarios that are unsound are passed over, aloud."""
    with refusals():
        parse(arguments.token)
        scenarios, bad = sound(found(arguments.paths))
        if bad:
            clear()
            sys.stderr.write("passed over:\n" + complaints(bad) + "\n")
        folder("--keep", arguments.keep)
        notice("starting the target, and playing its case again")
        again = lab.replay(
            arguments.token,
            scenarios,
            target=arguments.target,
            python=arguments.python,
            keep=arguments.keep,
        )
    return _say(again)


def check(arguments: argparse.Namespace) -> int:
    """Judge a stored record again."""
    try:
        return _say(lab.check(arguments.record))
    except RecordError as error:
        raise Stop(USAGE, str(error)) from error


def _say(result: Result) -> int:
    """One result on stdout, and its exit code; Stop where it could not be kept."""
    clear()
    announcer = Announcer(sys.stdout, os.environ, planned=1, clock=time.monotonic, progress=False)
    announcer.on_result(result)
    say_notes()
    if result.unkept:
        raise Stop(USAGE, result.unkept)
    return Run((result,), planned=1).exit_code
