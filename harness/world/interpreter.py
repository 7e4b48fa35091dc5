"""The warm server, and which interpreter it runs under: this one, or one with the target's library.

A `Server` is one process that has imported the target and the SDK. Importing the SDK costs seconds,
so under this interpreter a `Zygote` does it once, and servers are forked from it. Another one is
shown our package alone, by its path. It never sees the folder that the package lies in: where that
is a `site-packages`, our dependencies would stand before the library's own. What it lacks is its
own affair (see `harness.life.life`); nothing is installed, copied or written for it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.channel import Channel, Hangup, pair
from harness.world.outcome import HANG_LIMIT, HANG_LIMIT_S, import_limit_s

_SLICE_S = 0.1

_PACKAGE = Path(__file__).resolve().parents[1]
_SERVER = "harness.life.server"
_FIXED = {"PYTHONHASHSEED": "0", "TZ": "UTC"}
_CHANGES = "PYTEST_CURRENT_TEST"
"""A test runner sets it for each test anew; no interpreter begins otherwise for it."""
_BOOTSTRAP = f"""\
import importlib, importlib.util, sys
name, folder = "harness", {str(_PACKAGE)!r}
spec = importlib.util.spec_from_file_location(
    name, folder + "/__init__.py", submodule_search_locations=[folder]
)
sys.modules[name] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
importlib.import_module({_SERVER!r}).main(int(sys.argv[1]))
"""


@dataclass(frozen=True)
class Start:
    """A command line and its environment."""

    command: list[str]
    environment: Mapping[str, str]

    def run(self, passing: int) -> subprocess.Popen[bytes]:
        """Start it, in a process group of its own, with this descriptor and no input.

        A terminal's Ctrl-C is for the runner, even while the server still imports.
        """
        return subprocess.Popen(
            self.command,
            pass_fds=[passing],
            stdin=subprocess.DEVNULL,
            env=self.environment,
            process_group=0,
        )


def find_interpreter(name: str) -> str | None:
    """The absolute path of an interpreter by its name or path; None where there is no program.

    A link stays a link: an environment's own folder is found from where its `python` lies.
    """
    found = shutil.which(os.path.expanduser(name))
    return None if found is None else os.path.abspath(found)


def start_of_server(
    descriptor: int,
    python: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Start:
    """How the server is started that is spoken to over this descriptor."""
    if python is not None:
        command = [python, "-c", _BOOTSTRAP, str(descriptor)]
        return Start(command, {**environ, **_FIXED})
    command = [sys.executable, "-m", _SERVER, str(descriptor)]
    return Start(command, _environment(environ))


def _environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a server under this interpreter begins with."""
    search = [str(_PACKAGE.parent), environ.get("PYTHONPATH", "")]
    return {**environ, **_FIXED, "PYTHONPATH": os.pathsep.join(filter(None, search))}


class Process(Protocol):
    """What is asked of a process, be it a child or not."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    def poll(self) -> int | None:
        """None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> object:
        """Until it has ended; TimeoutExpired where that takes more seconds."""
        ...

    def kill(self) -> None:
        """SIGKILL."""
        ...


class Forked:
    """A server that a zygote forked: no child of this process, so known by its descriptor."""

    def __init__(self) -> None:
        self.pid = 0
        self._descriptor = -1

    def born(self, pid: int, descriptor: int) -> None:
        """It has said who it is. Until then there is nothing to wait for."""
        self.pid, self._descriptor = pid, descriptor

    def poll(self) -> int | None:
        """None while it runs."""
        return 0 if self._ended(0) else None

    def wait(self, timeout: float | None = None) -> None:
        """Until it has ended; TimeoutExpired where that takes more seconds."""
        if not self._ended(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired([_SERVER], timeout or 0)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def kill(self) -> None:
        """SIGKILL."""
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def _ended(self, patience_ms: float | None) -> bool:
        if self._descriptor < 0:
            return True
        ready = select.poll()
        ready.register(self._descriptor, select.POLLIN)
        return bool(ready.poll(patience_ms))


class Zygote:
    """A process of this interpreter that has imported the SDK and nothing of any target.

    A server forked from it is as one started afresh: it gets the environment, the folder and the
    output that this process has then. Where an interpreter would begin otherwise in another
    environment, `fits` says no.
    """

    def __init__(self) -> None:
        mine, theirs = pair()
        self._channel = Channel(mine)
        self._one = threading.Lock()
        self._born_with = _environment()
        self._process = start_of_server(theirs.fileno()).run(passing=theirs.fileno())
        theirs.close()
        self._channel.send({"target": None, "runner": os.getpid()})

    @property
    def fits(self) -> bool:
        """Whether it still runs, in the environment that a new one would get."""
        now = {**_environment(), _CHANGES: ""}
        return self._process.poll() is None and {**self._born_with, _CHANGES: ""} == now

    def fork(self, end: socket.socket) -> Forked:
        """Fork a server that is spoken to over this end; Hangup where the zygote has gone."""
        try:
            folder = os.getcwd()
        except FileNotFoundError:
            folder = None
        order = {"environment": _environment(), "folder": folder}
        with contextlib.ExitStack() as opened, self._one:
            streams = [_stream(number, opened) for number in (1, 2)]
            self._channel.send(order, [end.fileno(), *streams])
        return Forked()

    def close(self) -> None:
        """End it; the servers that it forked live on."""
        self._channel.close()
        self._process.kill()
        self._process.wait()


def _stream(number: int, opened: contextlib.ExitStack) -> int:
    """An output of this process, or nothing's where it is closed."""
    try:
        os.fstat(number)
    except OSError:
        return opened.enter_context(open(os.devnull, "wb")).fileno()
    return number


class ServerError(Exception):
    """The warm server could not be started; the message says why, for the user.

    `missing` are the modules for want of which it could not.
    """

    def __init__(self, message: str, missing: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.missing = tuple(missing)


class Stopped(Exception):
    """The user wants to stop."""


class Server:
    """A warm fork server for one target. `stopped` is asked now and then; True ends everything.

    `lacks` are modules that its interpreter does without, `libraries` the folders of its libraries.
    """

    def __init__(
        self,
        target: Mapping[str, Any],
        root: Path,
        *,
        stopped: Callable[[], bool] = lambda: False,
        python: str | None = None,
        zygote: Zygote | None = None,
    ) -> None:
        mine, theirs = pair()
        self.root = root
        self.stopped = stopped
        self._warm = False
        self._channel = Channel(mine)
        self._one = threading.Lock()
        self._waiting: deque[Callable[[], object]] = deque()
        self.lacks: list[str] = []
        self.libraries: tuple[str, ...] = ()
        self._process = _begin(theirs, python, zygote)
        theirs.close()
        try:
            self._channel.send({"target": dict(target), "runner": os.getpid(), "root": str(root)})
            answer = self._wait_ready()
        except Hangup:
            self.close()
            under = f" under {python}; is that a Python?" if python else ""
            why = f"the process that imports the target ended by itself{under}"
            raise ServerError(why) from None
        except BaseException:
            self.close()
            raise
        if "failed" in answer:
            self.close()
            raise ServerError(answer["failed"], answer["missing"])
        self.lacks, self.libraries = answer["lacks"], tuple(answer["libraries"])
        self._warm = True

    def _wait_ready(self) -> dict[str, Any]:
        limit_s = import_limit_s()
        patient_until = time.monotonic() + limit_s
        while time.monotonic() < patient_until:
            readable, _, _ = select.select([self._channel], [], [], _SLICE_S)
            if readable:
                answer = self._channel.receive()
                if "pid" not in answer:
                    return answer
                if isinstance(self._process, Forked):
                    self._process.born(answer["pid"], *self._channel.take_descriptors())
            if self.stopped():
                raise Stopped
        raise ServerError(
            f"importing it took more than {limit_s:g} s; mend what its module waits for, or, where "
            f"it needs longer, set {HANG_LIMIT} to more seconds"
        )

    def fork(self, order: Mapping[str, Any], descriptors: list[int]) -> int:
        """Fork a life and return its process id."""
        return self._order("pid", {"do": "fork", **order}, descriptors)

    def reap(self, pid: int) -> int:
        """Wait for a dead life and end its strays; its exit status."""
        return self._order("status", {"do": "reap", "pid": pid})

    def _order(self, key: str, order: Mapping[str, Any], descriptors: Sequence[int] = ()) -> int:
        with self._one:
            self._channel.send(order, descriptors)
            return int(self._channel.receive()[key])

    def meanwhile(self, work: Callable[[], object]) -> None:
        """Do what needs no life while the next one that is asked something is busy with it."""
        self._waiting.append(work)

    def do_meanwhile(self) -> None:
        """A life is busy now."""
        while self._waiting:
            self._waiting.popleft()()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs: a target may have brought its own server down."""
        return self._process.poll() is None

    def close(self) -> None:
        """Hang up and wait: the server ends what it started, and removes its directory.

        One that was killed could not remove it.
        """
        self._channel.close()
        if not self._warm:
            # It is still importing and has started nothing: it need not hear of it.
            self._process.kill()
        try:
            self._process.wait(HANG_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._warm:
            shutil.rmtree(self.root, ignore_errors=True)


def _begin(end: socket.socket, python: str | None, zygote: Zygote | None) -> Process:
    """A server's process; one of its own where there is no zygote for it."""
    if python is None and zygote is not None:
        with contextlib.suppress(Hangup):
            return zygote.fork(end)
    return start_of_server(end.fileno(), python).run(passing=end.fileno())
