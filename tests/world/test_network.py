"""Where a call would connect to: what leaves this machine is refused and told, whoever sends it."""

from __future__ import annotations

import errno
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.world.network import outside
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.places import Files
from harness.world.syscalls.recorder import Go
from harness.world.told import ToldCall
from tests.stacks.recording import Workshop

HERE = "127.0.0.1", "127.8.0.9", "0.0.0.0"
AWAY = "192.0.2.7", "10.0.0.1", "255.255.255.255"


def _v4(host: str, port: int = 443) -> bytes:
    packed = socket.inet_pton(socket.AF_INET, host)
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + packed + bytes(8)


def _v6(host: str, port: int = 443) -> bytes:
    packed = socket.inet_pton(socket.AF_INET6, host)
    head = struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0)
    return head + packed + bytes(4)


def _call(name: str, arguments: tuple[int, ...], *given: bytes, home: Path) -> ToldCall:
    return ToldCall(name, 1, arguments, Files(home), given)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        *[(_v4(host), None) for host in HERE],
        *[(_v4(host), f"{host}:443") for host in AWAY],
        (_v6("::1"), None),
        (_v6("::ffff:127.0.0.1"), None),
        (_v6("2001:db8::7", 53), "2001:db8::7:53"),
        (_v6("::ffff:192.0.2.7"), "::ffff:192.0.2.7:443"),
        (struct.pack("=H", socket.AF_UNIX) + b"/run/socket\0" + bytes(20), None),
        (b"", None),
    ],
)
def test_only_what_leaves_this_machine_is_outside(
    tmp_path: Path, address: bytes, found: str | None
) -> None:
    assert outside(_call("connect", (3, 1, 16), address, home=tmp_path)) == found


def phones(home: Path, say: Callable[[Any], None], port: int) -> None:
    """A child that tries to leave, then speaks to its own machine; then a C library's call."""
    program = (
        "import socket\n"
        "for where in (('192.0.2.7', 443), ('127.0.0.1', {port})):\n"
        "    try:\n"
        "        socket.create_connection(where, 5).close(); print('through')\n"
        "    except OSError as error:\n"
        "        print(error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program.replace("{port}", str(port))],
        capture_output=True,
        text=True,
        check=True,
    )
    say(done.stdout.split())


def test_a_child_process_cannot_leave_and_is_told_of(
    workshop: Workshop, fresh: Callable[[], Path]
) -> None:
    refused: list[tuple[str, str]] = []

    def go(_operation: Operation) -> Go:
        return Go()

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        run = workshop.run(
            "tests.world.test_network:phones",
            fresh(),
            port,
            decide=go,
            refused=lambda address, call: refused.append((address, call)),
        )
    assert run.error is None
    ((_, words),) = run.said
    assert words == [str(errno.ENETUNREACH), "through"]
    assert refused == [("192.0.2.7:443", "connect")]
