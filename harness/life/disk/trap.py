"""The trap: a life puts the runner's filter on itself and hands over the listener.

Standard library only, so that a life under another interpreter can do it too. From the moment the
filter is on, every call it notifies waits for the runner; it holds for all threads started later,
for children, and across exec, and cannot be taken off. The life must close its own copy of the
listener (`hand_over` does): while it holds one it would hang for ever once the runner is gone;
without, the next trapped call fails with ENOSYS.

`python -m harness.life.disk.trap DESCRIPTOR` is the rehearsal: it receives a filter, puts it on and
makes three calls on a file.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
import sys
from typing import Any

from harness.channel import Channel, to_bytes

SECCOMP = {"x86_64": 317, "aarch64": 277}
_PR_SET_NO_NEW_PRIVS = 38
_PR_GET_NO_NEW_PRIVS = 39
_SET_MODE_FILTER = 1
NEW_LISTENER = 8
WAIT_KILLABLE_RECV = 32
_INSTRUCTION_BYTES = 8


class CannotTrap(Exception):
    """The kernel or the container refuses the filter; the message says what it said."""


def install(program: bytes) -> int:
    """Put the filter on this thread and all to come; the listener's descriptor.

    Without WAIT_KILLABLE_RECV (Linux before 5.19) a signal interrupts a call that already waits,
    and it is notified again; the recorder withdraws what it had noted.
    """
    machine = platform.machine()
    if machine not in SECCOMP:
        raise CannotTrap(f"seccomp's number is not known on {machine}")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise CannotTrap(f"prctl(NO_NEW_PRIVS): {os.strerror(ctypes.get_errno())}")
    code = ctypes.create_string_buffer(program, len(program))
    length = len(program) // _INSTRUCTION_BYTES
    header = ctypes.create_string_buffer(
        struct.pack("HxxxxxxQ", length, ctypes.addressof(code)), 16
    )
    for flags in (NEW_LISTENER | WAIT_KILLABLE_RECV, NEW_LISTENER):
        descriptor: int = libc.syscall(SECCOMP[machine], _SET_MODE_FILTER, flags, header)
        if descriptor >= 0:
            return descriptor
        if ctypes.get_errno() != errno.EINVAL:
            break
    raise CannotTrap(f"seccomp(NEW_LISTENER): {os.strerror(ctypes.get_errno())}")


def knows_flags(flags: int) -> bool:
    """Whether the kernel knows these flags; CannotTrap where seccomp itself is refused.

    Asked with no program: the kernel looks at the flags first, then misses the program (EFAULT).
    """
    machine = platform.machine()
    if machine not in SECCOMP:
        raise CannotTrap(f"seccomp's number is not known on {machine}")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(SECCOMP[machine], _SET_MODE_FILTER, flags, None)
    error = ctypes.get_errno()
    if error in (errno.EFAULT, errno.EINVAL):
        return error == errno.EFAULT
    raise CannotTrap(f"seccomp: {os.strerror(error)}")


def allows_no_new_privileges() -> bool:
    """Whether the kernel has no_new_privs, without which only root may put a filter on."""
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0)


def hand_over(channel: Channel, program: bytes, **message: Any) -> None:
    """Install, send the listener beside `message`, and close this copy of it.

    `{"failed": why}` is sent instead where the filter is refused.
    """
    try:
        descriptor = install(program)
    except CannotTrap as error:
        channel.send({**message, "failed": str(error)})
        return
    channel.send(message, [descriptor])
    os.close(descriptor)


def _rehearse(descriptor: int) -> None:
    channel = Channel(socket.socket(fileno=descriptor))
    order = channel.receive()
    hand_over(channel, to_bytes(order["filter"]), trapped=True)
    file = os.open(order["file"], os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(file, to_bytes(order["data"]))
    os.fsync(file)
    os._exit(0)


if __name__ == "__main__":
    _rehearse(int(sys.argv[1]))
