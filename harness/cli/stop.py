"""How a command ends early: what to say, and the exit code; and that it ends once, in order."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from harness.report import replay

INTERRUPTED, INVALID, USAGE, NOTHING = 2, 3, 4, 5

SHELF = Path(replay.SHELF)
"""Where scenarios are looked for when no path is given."""


SAME_S = 1.0
"""Ctrl-C again within this time is impatience, and the first is still being obeyed."""


class Stop(Exception):
    """Say this on stderr and leave with this code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def interrupted_once() -> Iterator[None]:
    """A Ctrl-C is a KeyboardInterrupt; a second one within a second is the same one.

    Once the block is over because of one, no other counts: Python takes its own handlers away
    before it is gone, and would be killed in the middle of ending its processes, with another exit
    code. A signal that is ignored stays so.
    """
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or before is not signal.default_int_handler:
        yield
        return
    last: list[float] = []

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not last or now - last[-1] >= SAME_S:
            last.append(now)
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN if last else before)
