"""The three streams that a process stands on, whatever it was started with.

A stream that is closed (`harness run >&-`) is none at all in Python, and its number would go to the
next file that is opened: a target's output would end up there. It leads nowhere instead.
"""

from __future__ import annotations

import io
import os
import sys


def stand_on_streams() -> None:
    """Let nothing that is said end the process: no closed stream, no letter that one lacks."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one; what is started from here has it too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - to the end
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
