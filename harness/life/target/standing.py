"""Where a target stands: asked by a signal when it gives no sign of life, and of its coroutines.

A C handler writes the stack of the thread that is hit, at once, wherever it stands. A coroutine
that waits stands on no stack; where an event loop runs, its tasks are followed to the innermost
frame that waits, the oldest task first. Standard library only.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

FRAMES_MAX = 200


def write_stacks_to(descriptor: int) -> None:
    """On SIGUSR2 the Python stack of the thread that is hit is written to this descriptor."""
    faulthandler.register(signal.SIGUSR2, file=descriptor, all_threads=False)


def tell_when_asked(descriptor: int) -> None:
    """On SIGUSR1 the same, and when the interpreter runs again what its coroutines wait for."""

    def write(_number: int, _frame: object) -> None:
        lines = [f'  File "{path}", line {number} in await\n' for path, number in suspended()]
        os.write(descriptor, "".join(lines).encode("utf-8", "surrogateescape"))

    signal.signal(signal.SIGUSR1, write)
    faulthandler.register(signal.SIGUSR1, file=descriptor, all_threads=False, chain=True)


def suspended() -> Iterator[tuple[str, int]]:
    """File and line of each frame that waits on this thread's event loop, innermost first."""
    asyncio = sys.modules.get("asyncio")
    loop = None if asyncio is None else asyncio._get_running_loop()
    if asyncio is None or loop is None:
        return
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: _age(task.get_name()))
    for task in tasks[:FRAMES_MAX]:
        yield from [*_awaited(task.get_coro())][::-1]


def _age(name: str) -> tuple[int, str]:
    """Tasks are numbered in their names."""
    return len(name), name


def _awaited(waiting: Any) -> Iterator[tuple[str, int]]:
    """From a coroutine down to what it waits for, frame by frame."""
    for _ in range(FRAMES_MAX):
        frame = next(
            filter(None, (getattr(waiting, f"{kind}_frame", None) for kind in ("cr", "gi", "ag"))),
            None,
        )
        if frame is None:
            return
        yield frame.f_code.co_filename, frame.f_lineno
        following = ("cr_await", "gi_yieldfrom", "ag_await")
        waiting = next(filter(None, (getattr(waiting, name, None) for name in following)), None)
