"""Where a system call would connect to, and whether that is outside of this machine.

The audit hooks of a life hold its Python; this holds its C libraries and its child processes, which
have inherited the filter. What is read here another thread could still change before the kernel
reads it: this is a gate against accidents, no wall against malice.
"""

from __future__ import annotations

import ipaddress
import socket
import struct

from harness.world.syscalls.places import Call

_ADDRESS_BYTES = 28


CALLS = frozenset({"connect"})
"""The calls that name an address: datagrams, which name one each time, the filter refuses."""


def outside(call: Call) -> str | None:
    """`host:port` that connect(fd, address, size) is to reach, None where it is this machine's."""
    found = _host(call.memory(call.arguments[1], _ADDRESS_BYTES))
    return None if found is None or _is_here(found[0]) else f"{found[0]}:{found[1]}"


def _host(raw: bytes) -> tuple[str, int] | None:
    if len(raw) < 8:
        return None
    family, port = struct.unpack_from("=H", raw)[0], struct.unpack_from("!H", raw, 2)[0]
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, raw[4:8]), port
    if family == socket.AF_INET6 and len(raw) >= 24:
        return socket.inet_ntop(socket.AF_INET6, raw[8:24]), port
    return None


def _is_here(host: str) -> bool:
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    address = address if mapped is None else mapped
    return address.is_loopback or address.is_unspecified
