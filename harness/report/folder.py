"""What lies in a folder of the user's: a result's record, scenario (which `replay` finds) and
verdict; copies of a session's directory, each by its name.

A disk that has no room for them takes nothing else away: the trouble is a sentence.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from harness.files import storable
from harness.report.result import Result
from harness.scenario.load import STORED
from harness.scenario.write import exact

_ERRNO = re.compile(r"\[Errno \d+\] ([^:]+).*", re.DOTALL)


def store(result: Result, report: Path) -> str:
    """Write them below the report's folder; why that cannot be done, or nothing."""
    folder = report / result.story
    verdict = storable(json.dumps(asdict(result.verdict), indent=2, ensure_ascii=False))
    scenario = storable(exact(result.record.header.scenario))
    try:
        result.record.write(folder / "record.jsonl")
        (folder / STORED).write_text(scenario, encoding="utf-8")
        (folder / "verdict.json").write_text(f"{verdict}\n", encoding="utf-8")
    except OSError as error:
        where = error.filename or folder
        told = f"--report {report}: expected to write {where}, got {error.strerror}"
        return f"{told}; make room, or name another folder"
    return ""


class Keep:
    """Keeps copies in `folder`: before and after each crash, and after the resume.

    Of several troubles the first is remembered, and nothing more is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trouble = ""
        """Why not everything could be kept; empty where it could."""

    def put(self, name: str, write: Callable[[Path], object]) -> None:
        """What is written into the folder of this name."""
        if self.trouble:
            return
        try:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            write(self.folder / name)
        except OSError as error:
            self.trouble = (
                f"--keep {self.folder}: expected to keep `{name}` there, got {_first_of(error)}; "
                "make room, or name another folder"
            )

    def copy(self, home: Path, name: str) -> None:
        """The directory as it is now."""
        self.put(name, partial(shutil.copytree, home, dirs_exist_ok=True, symlinks=True))

    def drop(self, name: str) -> None:
        """What was kept under this name is of no use."""
        shutil.rmtree(self.folder / name, ignore_errors=True)


def _first_of(error: OSError) -> str:
    """What the system said; of a whole tree's troubles the first."""
    if isinstance(error, shutil.Error) and error.args and error.args[0]:
        return _ERRNO.sub(r"\1", str(error.args[0][0][-1]))
    return error.strerror or str(error)
