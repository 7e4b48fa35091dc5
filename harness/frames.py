"""Which frame of a stack is shown: the innermost that a target's author may have written.

Not what lies in a library, nor our own bridge and doors; a shipped target is ours and under test,
so it is shown wherever the package is installed. Standard library only: lives use it too.
"""

from __future__ import annotations

import linecache
import os
from collections.abc import Sequence
from pathlib import Path

Place = tuple[str, int]
"""A source file and a line of it."""

_LIFE, _DOORS, _TARGETS = (
    f"{Path(__file__).parent / room}{os.sep}" for room in ("life", "doors", "targets")
)


def innermost(
    places: Sequence[Place], libraries: Sequence[str], home_file: str | None = None
) -> str | None:
    """`file.py:88 the line` of these places, the innermost first: in `home_file` if one is."""
    own = (place for place in places if place[0] == home_file)
    theirs = (place for place in places if is_theirs(place[0], libraries))
    shown = next(own, None) or next(theirs, None)
    return None if shown is None else told(*shown)


def is_theirs(path: str, libraries: Sequence[str]) -> bool:
    """Whether a target's author may have written it; `libraries` are folders of the interpreter."""
    return path.startswith(_TARGETS) or not path.startswith(("<", _LIFE, _DOORS, *libraries))


def told(path: str, number: int) -> str:
    """`file.py:88 the line`."""
    line = linecache.getline(path, number).strip()
    return f"{os.path.basename(path)}:{number} {line}".rstrip()
