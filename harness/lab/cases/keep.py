"""What is kept of a session's directory for whoever wants to look at it: copies, each by its name.

A disk that has no room for them takes nothing else away: the first trouble is remembered, in a
sentence, and nothing more is kept.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

_ERRNO = re.compile(r"\[Errno \d+\] ([^:]+).*", re.DOTALL)


class Keep:
    """Keeps copies in `folder`: before and after each crash, and after the resume."""

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
