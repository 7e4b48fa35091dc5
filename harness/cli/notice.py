"""One line on a terminal for a wait that has nothing to show yet; nothing where nobody watches.

It stands on stderr and is written over, so that it is in nobody's pipe and gone from the screen
when there is something to read.
"""

from __future__ import annotations

import sys

from harness.terminal import is_watched

WIDTH_MAX = 78


def notice(text: str) -> None:
    """Say what takes its time, in place of what was said before."""
    if is_watched(sys.stderr):
        sys.stderr.write(f"\r\x1b[K  {text[:WIDTH_MAX]}")
        sys.stderr.flush()


def clear() -> None:
    """Take the line away."""
    if is_watched(sys.stderr):
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
