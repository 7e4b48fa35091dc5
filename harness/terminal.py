"""What is known of whom a stream speaks to: does somebody watch it, how wide is it, has it colours.

A line that is written over is for a terminal that somebody watches. Colours are another matter:
`FORCE_COLOR` asks for them in a pipe too, where codes that move a cursor would be rubbish.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import textwrap
from collections.abc import Mapping
from typing import IO

COLUMNS = 80
"""Columns of a terminal that does not say how many it has, and of a pipe."""
COLUMNS_MIN, COLUMNS_MAX = 40, 100
"""What prose is wrapped at, whatever the terminal says: narrower is torn, wider is hard to read."""
ROOM_MIN = 20
TABLE_COLUMNS_MAX = 160
"""Tables may be wider than prose."""


def is_watched(stream: IO[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a line may be written over there."""
    return stream.isatty() and not environ.get("CI") and environ.get("TERM") != "dumb"


def has_colours(stream: IO[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether styles may show there at all; whoever paints them keeps `NO_COLOR`."""
    return stream.isatty() or bool(environ.get("FORCE_COLOR"))


def let_go(stream: IO[str]) -> None:
    """Nobody reads this stream any more: what is still said goes nowhere, and breaks nothing."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def tidy(text: str) -> str:
    """On one line, and without anything that a terminal would obey."""
    return harmless(" ".join(part.strip() for part in text.splitlines()))


def harmless(line: str) -> str:
    """Without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)


def columns(most: int = COLUMNS_MAX) -> int:
    """Columns to wrap at: the terminal's, or what the variable `COLUMNS` says, but at most so many.

    A table may have all there are.
    """
    told = shutil.get_terminal_size((COLUMNS, 24)).columns
    return max(COLUMNS_MIN, min(told, most))


def hanging(label: str, text: str, *, indent: int, width: int) -> list[str]:
    """`label`, and beside it a text that goes on below its own beginning; nothing is cut.

    Where the label leaves no room for it, the text begins below, deeper in.
    """
    beside = len(label) + 2 <= indent
    lines = textwrap.wrap(
        text,
        max(width, indent + ROOM_MIN),
        initial_indent=f"{label:<{indent}}" if beside else " " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines if beside and lines else [label, *lines]
