"""The standard streams of a process that imports a target: they stay open, whatever that closes.

A number that is free goes to the next descriptor that comes: a life's socket would stand where its
output is about to be put. What was closed is opened again as it was; what the target has put in its
place stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator

_NAMES = ("stdin", "stdout", "stderr")


@contextlib.contextmanager
def kept_open() -> Iterator[None]:
    """Those that are open before the block are open after it."""
    numbers = [number for number in range(len(_NAMES)) if _is_open(number)]
    copies = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, len(_NAMES)) for number in numbers]
    try:
        yield
    finally:
        for number, copy in zip(numbers, copies, strict=True):
            if not _is_open(number) and _is_open(copy):
                os.dup2(copy, number)
            with contextlib.suppress(OSError):
                os.close(copy)
            _give_python(number)


def _give_python(number: int) -> None:
    """Python's own stream of this number is closed for good where the target closed it."""
    if getattr(getattr(sys, _NAMES[number]), "closed", True) and _is_open(number):
        mode, plain = ("w" if number else "r"), "backslashreplace"
        again = open(number, mode, encoding="utf-8", errors=plain, closefd=False)  # noqa: SIM115
        setattr(sys, _NAMES[number], again)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
