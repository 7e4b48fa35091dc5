"""The warm server: imports the target once, then forks a life whenever the runner asks.

Started as `python -m harness.life.server DESCRIPTOR`, perhaps under another interpreter that has
nothing but its standard library. It answers only the runner, over that descriptor; when the runner
hangs up, however it died, the server ends every process that its lives left behind (it is their
subreaper), removes the directory they worked in, and goes.

Told of no target it is a zygote: it imports the SDK once and forks a server for each end of a
channel that it is handed. Such a server is nobody's child that waits for it: it says its process id
first, with a descriptor of itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import shutil
import signal
import socket
import sys
import sysconfig
import traceback
from collections.abc import Set
from typing import Any, NoReturn

from harness.channel import Channel, Hangup

PYTHON_MIN = (3, 11)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_STRAY_ROUNDS = 1000
_lives: set[int] = set()
"""The lives that were forked and not reaped."""


def control(option: int, value: int) -> None:
    """prctl(2) with one argument; does nothing where there is no such call."""
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if prctl is not None:
        prctl(option, value, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """From now on this process is killed when its parent ends; at once where that has ended."""
    control(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def main(descriptor: int) -> None:
    """Serve until the runner hangs up."""
    channel = Channel(socket.socket(fileno=descriptor))
    try:
        order = channel.receive()
    except Hangup:
        # The runner was stopped before it had said anything: there is nothing to leave behind.
        os._exit(0)
    runner = order["runner"]
    die_with_parent(runner)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.version_info < PYTHON_MIN:
        had, wanted = (
            ".".join(map(str, version[:2])) for version in (sys.version_info, PYTHON_MIN)
        )
        _fail(channel, f"expected Python {wanted} or newer, got {had}: {sys.executable}")
    if order["target"] is None:
        channel, order = _hatched(channel)
    _serve_target(channel, order)


def _serve_target(channel: Channel, order: dict[str, Any]) -> None:
    from harness.life import life, pages

    lacks: list[str] = []
    try:
        lacks += life.warm_up(order)
    except life.CannotImport as error:
        _fail(channel, str(error), *error.missing)
    control(_PR_SET_CHILD_SUBREAPER, 1)
    # From here the end of the channel is the signal: a SIGKILL would leave strays behind.
    control(_PR_SET_PDEATHSIG, 0)
    gc.collect()
    gc.freeze()
    pages.gather()
    with contextlib.suppress(Hangup):
        # Only now: until here a SIGKILL of the runner takes this process with it, and nobody
        # would be left to remove the directory.
        os.makedirs(order["root"], mode=0o700, exist_ok=True)
        channel.send({"ready": True, "lacks": lacks, "libraries": sorted(_libraries())})
        while True:
            _serve(channel, channel.receive())
    _end_strays()
    shutil.rmtree(order["root"], ignore_errors=True)
    os._exit(0)


def _hatched(zygote: Channel) -> tuple[Channel, dict[str, Any]]:
    """Be the zygote until it hangs up; returns in each server that it forks, with its order."""
    from harness.life import life, pages

    life.warm_up_for_any()
    gc.collect()
    gc.freeze()
    pages.gather()
    # The thread that started it may be gone by now: from here its channel tells its end.
    control(_PR_SET_PDEATHSIG, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    parent, began_in = os.getpid(), os.getcwd()
    while True:
        try:
            wanted = zygote.receive()
        except Hangup:
            os._exit(0)
        descriptors = zygote.take_descriptors()
        if os.fork() == 0:
            break
        for descriptor in descriptors:
            os.close(descriptor)
    die_with_parent(parent)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setpgid(0, 0)
    zygote.close()
    channel = Channel(socket.socket(fileno=descriptors[0]))
    for stream, descriptor in enumerate(descriptors[1:], 1):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    _settle_in(wanted, began_in)
    try:
        myself = os.pidfd_open(os.getpid())
        channel.send({"pid": os.getpid()}, [myself])
        os.close(myself)
        return channel, channel.receive()
    except Hangup:
        os._exit(0)


def _settle_in(wanted: dict[str, Any], began_in: str) -> None:
    """The environment and the folder of one that is started afresh now."""
    os.environ.clear()
    os.environ.update(wanted["environment"])
    if wanted["folder"] is not None:
        os.chdir(wanted["folder"])
        if sys.path and sys.path[0] == began_in:
            sys.path[0] = wanted["folder"]


def _fail(channel: Channel, why: str, *missing: str) -> NoReturn:
    with contextlib.suppress(Hangup):
        channel.send({"failed": why, "missing": list(missing)})
    os._exit(4)


def _libraries() -> set[str]:
    """The folders of this interpreter's libraries: no finding names a line in them."""
    return {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}


def _serve(channel: Channel, order: dict[str, Any]) -> None:
    descriptors = channel.take_descriptors()
    if order["do"] == "fork":
        channel.send({"pid": _fork(channel, order, descriptors)})
        for descriptor in descriptors:
            os.close(descriptor)
    elif order["do"] == "reap":
        _pid, status = os.waitpid(order["pid"], 0)
        _lives.discard(order["pid"])
        _end_strays(_lives)
        channel.send({"status": os.waitstatus_to_exitcode(status)})


def _fork(channel: Channel, order: dict[str, Any], descriptors: list[int]) -> int:
    server = os.getpid()
    if order["telling"]:
        from harness.life.disk import wrapped

        wrapped.install()
    pid = os.fork()
    if pid:
        _lives.add(pid)
        return pid
    try:
        die_with_parent(server)
        os.setsid()
        channel.end.close()
        from harness.life import life

        life.live(order, *descriptors)
    except BaseException:  # noqa: BLE001 - its last words
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(70)


def _end_strays(spared: Set[int] = frozenset()) -> None:
    """SIGKILL whatever is still below this server, but for lives that go on, until nothing is."""
    for _ in range(_STRAY_ROUNDS):
        children = [child for child in _children() if child not in spared]
        if not children:
            return
        for child in children:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as listing:
            return [int(pid) for pid in listing.read().split()]
    except OSError:
        return []


if __name__ == "__main__":
    main(int(sys.argv[1]))
