"""How a command ends early: what to say, and the exit code; and that it ends once, in order."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from harness.report import replay

INTERRUPTED, INVALID, USAGE, NOTHING = 2, 3, 4, 5

SHELF = Path(replay.SHELF)
"""Where scenarios are looked for when no path is given."""


class Stop(Exception):
    """Say this on stderr and leave with this code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def interrupted_once() -> Iterator[None]:
    """The first Ctrl-C is a KeyboardInterrupt; while processes are ended for it, no other counts.

    Python takes its own handlers away before it is gone, and a second Ctrl-C would then kill it in
    the middle and change the exit code; a signal that is ignored stays so.
    """
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is _interrupt:
            signal.signal(signal.SIGINT, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
