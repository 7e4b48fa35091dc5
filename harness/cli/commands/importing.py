"""`harness import`: a broken session file in, a scenario file out."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import textwrap
from pathlib import Path

from harness.cli.stop import SHELF, USAGE, Stop
from harness.terminal import columns, tidy

_NOT_A_NAME = re.compile(r"[^\w-]+")


def bring_in(arguments: argparse.Namespace) -> int:
    """Write the scenario and say what to do with it; nothing that is there is touched."""
    from harness.lab.importer.read import ImportRefused, read
    from harness.lab.importer.relive import relive, written
    from harness.scenario.load import SUFFIX, ScenarioError, accept

    file: Path = arguments.file
    try:
        scenario = relive(read(file), file.name)
        accept(scenario, str(file))
        text = written(scenario, str(file))
    except (ImportRefused, ScenarioError) as error:
        raise Stop(USAGE, f"harness import: {error}") from error
    if arguments.out == "-":
        sys.stdout.write(text)
        return 0
    name = _NOT_A_NAME.sub("_", file.stem).strip("_") or "session"
    path = Path(arguments.out or SHELF / "imported" / f"{name}{SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        message = f"{path} is there already and stays as it is; name another file with --out"
        raise Stop(USAGE, f"harness import: {message}") from error
    again = f"harness run {shlex.quote(str(path))}"
    about = textwrap.fill(tidy(scenario.about), columns(), break_on_hyphens=False)
    sys.stdout.write(
        f"wrote {path}\n{about}\n\n"
        "next, live through it on the reference stack, and on yours:\n"
        f"  {again}\n  {again} --target path/to/file.py:Class\n"
    )
    return 0
