"""`harness sweep`: every crash of one scenario, each judged, with a line of progress."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from typing import IO

from harness.cli.choose import the_one
from harness.cli.notice import clear, notice
from harness.cli.reporting import folder, people, publish, refusals, say_notes
from harness.cli.stop import INTERRUPTED, USAGE, Stop
from harness.lab import play as lab
from harness.lab.crashes.sweep import Interrupted
from harness.report.result import Result, Run
from harness.report.screen import wall
from harness.report.text import Announcer
from harness.scenario.load import Loaded
from harness.terminal import is_watched, let_go
from harness.world.syscalls.rehearsal import choose

LIVE_EVERY_S = 0.1
PLAIN_EVERY_S = 10.0


def sweep(arguments: argparse.Namespace) -> int:
    """Sweep one scenario and say it as `run` does; exit codes are those of `run`."""
    _one_of_two(arguments)
    with refusals():
        choose()
    loaded = the_one(arguments.scenario)
    folder("--keep", arguments.keep)
    stream = people(arguments)
    progress = Progress(stream, time.monotonic, live=is_watched(stream), quiet=arguments.quiet)
    began = time.monotonic()
    notice(f"starting {arguments.target}, and recording the whole conversation once")
    interrupted = False
    try:
        with refusals():
            result = (_fail_everywhere if arguments.errors else _crash_everywhere)(
                loaded, arguments, progress
            )
    except Interrupted as stopped:
        result, interrupted = stopped.result, True
    progress.clear()
    clear()
    done = Run((result,), 1, interrupted, result.unkept)
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
    publish(done, arguments.json)
    if interrupted:
        raise Stop(
            INTERRUPTED, "interrupted: what was found until then is above, and not the whole"
        )
    return done.exit_code


def _one_of_two(arguments: argparse.Namespace) -> None:
    """Errors in the place of crashes: what is only about crashes is no part of that."""
    asked = {"--depth": arguments.depth > 1, "--real": arguments.real, "--keep": arguments.keep}
    if arguments.errors and (idle := [name for name, there in asked.items() if there]):
        raise Stop(
            USAGE, f"{idle[0]}: it is about crashes, and --errors plays errors instead; ask twice"
        )


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
        jobs=arguments.jobs,
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
        self._what, self._first, self._heard = "", 0, False
        self._began = self._said = clock()

    def clear(self) -> None:
        """Take the line away."""
        if self._live and self._heard:
            self._write("\r\x1b[K")

    def on_state(self, what: str, done: int, planned: int) -> None:
        """So many of so many are done."""
        now = self._clock()
        if what != self._what:
            self._what, self._began, self._first = what, now, done
            self._said = -math.inf if self._live else now
        if self._quiet:
            return
        if not self._heard:
            self._heard = True
            clear()
        if done == planned:
            self.clear()
        elif done < planned and now - self._said >= self._every_s:
            self._said = now
            line = f"  {what}: {done:,} of {planned:,}"
            if since := done - self._first:
                line += f", {wall((now - self._began) / since * (planned - done))} still"
            self._write(f"\r{line}\x1b[K" if self._live else f"{line}\n")

    def _write(self, text: str) -> None:
        """Say it, while somebody reads."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            self._quiet = True
            let_go(self._stream)
