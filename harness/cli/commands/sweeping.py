"""`harness sweep`: every crash of one scenario, each judged, with a line of progress."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from harness.cli.choose import found, sound
from harness.cli.commands.playing import say_notes
from harness.cli.stop import USAGE, Stop
from harness.lab import play as lab
from harness.report import json
from harness.report.result import Result, Run
from harness.report.screen import wall
from harness.report.text import Announcer
from harness.scenario.load import Loaded
from harness.world.syscalls.rehearsal import UnknownRecorder, choose

LIVE_EVERY_S = 0.1
PLAIN_EVERY_S = 10.0


def sweep(arguments: argparse.Namespace) -> int:
    """Sweep one scenario and say it as `run` does; exit codes are those of `run`."""
    try:
        choose()
    except UnknownRecorder as error:
        raise Stop(USAGE, str(error)) from error
    scenarios, bad = sound(found([arguments.scenario]))
    if bad:
        raise Stop(USAGE, "\n".join(bad))
    if len(scenarios) != 1:
        raise Stop(
            USAGE,
            f"{arguments.scenario}: expected one scenario file, got {len(scenarios)}; name one",
        )
    stream = sys.stderr if arguments.json == "-" else sys.stdout
    live = stream.isatty() and not os.environ.get("CI")
    progress = Progress(stream, time.monotonic, live=live, quiet=arguments.quiet)
    began = time.monotonic()
    try:
        result = (_fail_everywhere if arguments.errors else _crash_everywhere)(
            scenarios[0], arguments, progress
        )
    except lab.TargetError as error:
        raise Stop(USAGE, str(error)) from error
    done = Run((result,), planned=1)
    announcer = Announcer(
        stream,
        os.environ,
        planned=1,
        clock=lambda: time.monotonic() - began,
        quiet=arguments.quiet,
        progress=False,
    )
    announcer.on_result(result)
    say_notes()
    if arguments.json == "-":
        sys.stdout.write(json.dumps(done))
    elif arguments.json:
        Path(arguments.json).write_text(json.dumps(done), encoding="utf-8")
    return done.exit_code


def _crash_everywhere(loaded: Loaded, arguments: argparse.Namespace, progress: Progress) -> Result:
    most = {} if arguments.states is None else {"states_max": arguments.states}
    return lab.sweep(
        loaded,
        target=arguments.target,
        python=arguments.python,
        tiers=arguments.disk,
        seed=arguments.seed,
        depth=arguments.depth,
        real=arguments.real,
        keep=arguments.keep,
        jobs=arguments.jobs,
        on_state=progress.on_state,
        **most,
    )


def _fail_everywhere(loaded: Loaded, arguments: argparse.Namespace, progress: Progress) -> Result:
    return lab.fail_everywhere(
        loaded,
        target=arguments.target,
        python=arguments.python,
        errors=arguments.errors,
        seed=arguments.seed,
        most=arguments.states,
        on_case=progress.on_state,
    )


class Progress:
    """What is being done, how far it is, and how long it will still take.

    On a terminal one line that is written over and goes away; elsewhere a line now and then.
    """

    def __init__(
        self, stream: IO[str], clock: Callable[[], float], *, live: bool, quiet: bool
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._live = live
        self._every_s = LIVE_EVERY_S if live else PLAIN_EVERY_S
        self._quiet = quiet
        self._what = ""
        self._began = self._said = clock()

    def on_state(self, what: str, done: int, planned: int) -> None:
        """So many of so many are done."""
        now = self._clock()
        if what != self._what:
            self._what, self._began = what, now
        if self._quiet:
            return
        if self._live and done == planned:
            self._stream.write("\r\x1b[K")
        elif done < planned and now - self._said >= self._every_s:
            self._said = now
            left_s = (now - self._began) / done * (planned - done)
            line = f"  {what}: {done:,} of {planned:,}, {wall(left_s)} still"
            self._stream.write(f"\r{line}\x1b[K" if self._live else f"{line}\n")
        self._stream.flush()
