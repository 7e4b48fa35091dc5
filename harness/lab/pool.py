"""Warm servers, kept warm: importing an SDK costs seconds, so a process does it once, in a zygote,
and imports each target once.

A server is taken, used by one thread, and given back; when the process ends, all are closed. A
target's file that has changed since gets a new server. Of more than `IDLE_MAX` idle ones the one
that was unused longest is ended.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from harness.lab.targets import TargetError, TargetRef, lacking, remedy
from harness.world.interpreter import Zygote
from harness.world.outcome import UnknownLimit, hang_limit_s
from harness.world.process import Server, ServerError, Stopped

IDLE_MAX = 8
"""Idle servers that are kept, of all targets together: each holds an SDK in memory."""
SAME_S = 1.0
"""A second Ctrl-C within this time is the first: a wrapper passes on what a terminal sends too."""
_TMPFS = Path("/dev/shm")
_Key = tuple[TargetRef, int]


class Pool:
    """Idle servers of all targets, in the order in which they were given back."""

    def __init__(self) -> None:
        self.notes: dict[str, None] = {}
        """What servers had to do without, a sentence each, once."""
        self._idle: list[tuple[_Key, Server]] = []
        self._zygote: Zygote | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def server(self, ref: TargetRef, stopped: Callable[[], bool]) -> Iterator[Server]:
        """A warm server for as long as the block lasts; TargetError where there can be none.

        `stopped` is asked now and then, and ends what the server is doing.
        """
        key = _key(ref)
        with self._lock:
            same = [n for n, (known, _) in enumerate(self._idle) if known == key]
            server = self._idle.pop(same[-1])[1] if same else None
        if server is None:
            server = _start(ref, stopped, None if ref.python else self.zygote())
            self.notes.update(dict.fromkeys(lacking(ref, server.lacks)))
        server.stopped = stopped
        try:
            yield server
        except BaseException:
            server.close()
            raise
        if not server.alive:
            server.close()
            return
        with self._lock:
            self._idle.append((key, server))
            gone, self._idle = self._idle[:-IDLE_MAX], self._idle[-IDLE_MAX:]
        for _, old in gone:
            old.close()

    @contextlib.contextmanager
    def servers(
        self, ref: TargetRef, count: int, stopped: Callable[[], bool]
    ) -> Iterator[list[Server]]:
        """So many of them, in the same way."""
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(self.server(ref, stopped)) for _ in range(count)]

    def close(self) -> None:
        """End all idle servers and what they started."""
        with self._lock:
            idle, self._idle = self._idle, []
            zygote, self._zygote = self._zygote, None
        for _, server in idle:
            server.close()
        if zygote is not None:
            zygote.close()

    def zygote(self) -> Zygote:
        """What servers are forked from; a new one where it would begin otherwise by now."""
        with self._lock:
            if self._zygote is not None and not self._zygote.fits:
                self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                self._zygote = Zygote()
            return self._zygote


@contextlib.contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Whether the user wants to stop: while the block lasts, a Ctrl-C only asks for it.

    What works here ends in order where it hears of that, with Stopped, and the block with a
    KeyboardInterrupt. A Ctrl-C that comes more than `SAME_S` later does not ask.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: False
        return
    asked: list[float] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(time.monotonic())
        if asked[-1] - asked[0] > SAME_S:
            before(number, frame)

    signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: bool(asked)
    except Stopped as stopped:
        raise KeyboardInterrupt from stopped
    finally:
        signal.signal(signal.SIGINT, before)


POOL = Pool()
atexit.register(POOL.close)


def _key(ref: TargetRef) -> _Key:
    return ref, 0 if ref.file is None else Path(ref.file).stat().st_mtime_ns


def _start(ref: TargetRef, stopped: Callable[[], bool], zygote: Zygote | None) -> Server:
    base = _TMPFS if os.access(_TMPFS, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    try:
        hang_limit_s()
    except UnknownLimit as error:
        raise TargetError(str(error)) from error
    # Named here and made by the server, once nothing can keep it from being removed again.
    root = base / f"harness-{os.getpid()}-{secrets.token_hex(6)}"
    try:
        return Server(ref.order(), root, stopped=stopped, python=ref.python, zygote=zygote)
    except ServerError as error:
        told = f"--target {ref.name} cannot be opened: {error}"
        cure = remedy(ref, error.missing) if error.missing else ""
        raise TargetError(f"{told}; install it with `{cure}`" if cure else told) from error
