"""The network is shut, at the bottom: whatever library tries is refused and reported."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from harness.life import network

_FRAME = """
import socket, urllib.request
from harness.life import network
seen = []
network.shut(lambda address, what: seen.append((address, what)))
"""


def _runs(body: str) -> None:
    code = _FRAME + textwrap.dedent(body) + "\nprint('kept')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == "kept", done.stderr


def test_a_name_is_not_looked_up() -> None:
    _runs("""
        try:
            urllib.request.urlopen("http://somewhere.invalid/")
        except OSError:
            pass
        assert seen == [("somewhere.invalid:80", "socket.getaddrinfo")], seen
    """)


def test_an_address_is_not_connected_to_nor_sent_to() -> None:
    _runs("""
        with socket.socket() as end:
            try:
                end.connect(("192.0.2.1", 9))
            except OSError as error:
                assert "network is shut" in str(error)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            try:
                end.sendto(b"x", ("192.0.2.1", 9))
            except OSError:
                pass
        assert ("192.0.2.1:9", "socket.connect") in seen, seen
        assert ("192.0.2.1:9", "socket.sendto") in seen, seen
    """)


def test_this_machine_and_unix_sockets_stay_open() -> None:
    _runs("""
        server = socket.create_server(("127.0.0.1", 0))
        with socket.create_connection(server.getsockname()), socket.socketpair()[0]:
            pass
        server.close()
        assert not seen
    """)


def test_what_would_send_requests_elsewhere_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "theirs")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://192.0.2.1")
    monkeypatch.setenv("https_proxy", "http://192.0.2.1")
    network.clean_environment()
    assert "ANTHROPIC_BASE_URL" not in os.environ
    assert "https_proxy" not in os.environ
    assert os.environ["ANTHROPIC_API_KEY"] != "theirs"
