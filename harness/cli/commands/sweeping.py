"""`harness sweep`: every crash of one scenario, each judged, with a line of progress."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from harness.cli.choose import found, sound
from harness.cli.commands.playing import say_notes
from harness.cli.stop import USAGE, Stop
from harness.lab import play as lab
from harness.report import json
from harness.report.result import Run
from harness.report.text import Announcer
from harness.world.syscalls.rehearsal import UnknownRecorder, choose


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

    def on_state(done: int, planned: int) -> None:
        if live:
            stream.write(
                f"\r  {done:,} of {planned:,} states" + ("" if done < planned else "\r\x1b[K")
            )
            stream.flush()

    began = time.monotonic()
    most = {} if arguments.states is None else {"states_max": arguments.states}
    try:
        result = lab.sweep(
            scenarios[0],
            target=arguments.target,
            python=arguments.python,
            tiers=arguments.disk,
            seed=arguments.seed,
            jobs=arguments.jobs,
            on_state=on_state,
            **most,
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
