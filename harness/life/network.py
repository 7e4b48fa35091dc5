"""The network is shut: a life may open Unix sockets and speak to its own machine, nothing else.

Held at the interpreter's audit hooks, below every Python library. What tries to leave is reported
over the bridge (finding W7) and gets the error of a machine without a network, at once.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

_VARIABLES = (
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_AUTH_TOKEN",
    "ALL_PROXY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
_report: Callable[[str, str], None] | None = None
_installed = False


def clean_environment() -> None:
    """Take away what would send requests elsewhere; the key is the mock's."""
    for name in _VARIABLES:
        os.environ.pop(name, None)
        os.environ.pop(name.lower(), None)
    os.environ["ANTHROPIC_API_KEY"] = "sk-ant-mock"


def shut(report: Callable[[str, str], None]) -> None:
    """From now on call `report(address, what)` for what is refused."""
    global _report, _installed
    _report = report
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _report is None or not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        end, address = arguments[0], arguments[1]
        if address is not None and end.family in (socket.AF_INET, socket.AF_INET6):
            host, port = str(address[0]), address[1]
            if not _is_here(host):
                _report(f"{host}:{port}", event)
                raise OSError(errno.ENETUNREACH, "the network is shut during a run")
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        if host is not None and not _is_here(host if isinstance(host, str) else host.decode()):
            _report(f"{host}:{arguments[1]}", event)
            raise socket.gaierror(socket.EAI_NONAME, "the network is shut during a run")


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1", "") or host.startswith("127.")
