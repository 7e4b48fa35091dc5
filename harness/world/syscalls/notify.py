"""The runner's end of a seccomp listener: calls that wait, what they were given, their answers.

A `Notification` is a call that a thread has entered and that waits. Its pointers lie in that
process: they are read with `process_vm_readv` (a `/proc/PID/mem` opened before an exec stays bound
to the old address space), and the notification is checked to be still valid afterwards, for its
process may have died and its number been given to another. Source: `seccomp_unotify(2)`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import struct
from dataclasses import dataclass

_RECEIVE = 0xC0502100
_SEND = 0xC0182101
_STILL_VALID = 0x40082102
_REQUEST = struct.Struct("QIIiIQ6Q")
_ANSWER = struct.Struct("QqiI")
_CONTINUE = 1
_PAGE = 4096
_STRING_STEP = 256
_PATH_BYTES_MAX = 4096
_PIDFD_GETFD = 438
_POINTER_PAIR = struct.Struct("QQ")


class Vanished(Exception):
    """The caller died, or a signal took it out of the call: there is nobody to answer."""


@dataclass(frozen=True)
class Notification:
    """A call that waits: its cookie, the *thread* that made it, its number, its six arguments."""

    cookie: int
    thread: int
    number: int
    arguments: tuple[int, ...]


class Listener:
    """One listener descriptor; owns and closes it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def fileno(self) -> int:
        """The descriptor, for a poll."""
        return self._descriptor

    def waiting(self) -> bool:
        """Whether a call waits now. A hang-up (no process has the filter any more) is none."""
        return self.wait(0)

    def wait(self, patience_ms: int) -> bool:
        """Whether a call waits, now or within this much real time."""
        return any(event & select.POLLIN for _, event in self._poll.poll(patience_ms))

    def hung_up(self) -> bool:
        """Whether no process has the filter any more."""
        return any(event & select.POLLHUP for _, event in self._poll.poll(0))

    def receive(self) -> Notification:
        """Take the next call; Vanished where its caller is gone. Blocks where none waits."""
        buffer = bytearray(_REQUEST.size)
        self._control(_RECEIVE, buffer)
        cookie, thread, _flags, number, _arch, _ip, *arguments = _REQUEST.unpack(buffer)
        return Notification(cookie, thread, number, tuple(arguments))

    def check(self, notification: Notification) -> None:
        """Vanished where the caller is gone: what was read of it may be another's."""
        self._control(_STILL_VALID, bytearray(struct.pack("Q", notification.cookie)))

    def go_on(self, notification: Notification) -> None:
        """Let the kernel carry the call out."""
        self._answer(notification, 0, 0, _CONTINUE)

    def refuse(self, notification: Notification, error: int) -> None:
        """The call fails with this errno, and nothing happens."""
        self._answer(notification, 0, -error, 0)

    def give(self, notification: Notification, value: int) -> None:
        """The call returns this; whatever it was to do, somebody else has done."""
        self._answer(notification, value, 0, 0)

    def close(self) -> None:
        """Close it; a call that waits, and every later one, fails with ENOSYS."""
        os.close(self._descriptor)

    def _answer(self, notification: Notification, value: int, error: int, flags: int) -> None:
        self._control(_SEND, bytearray(_ANSWER.pack(notification.cookie, value, error, flags)))

    def _control(self, request: int, buffer: bytearray) -> None:
        try:
            fcntl.ioctl(self._descriptor, request, buffer)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINPROGRESS, errno.EINTR):
                raise Vanished from error
            raise


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


_libc = ctypes.CDLL(None, use_errno=True)


def read_memory(thread: int, address: int, size: int) -> bytes:
    """Up to `size` bytes of another process; fewer where its mapping ends; Vanished without it."""
    if not size:
        return b""
    buffer = ctypes.create_string_buffer(size)
    here = _Vector(ctypes.addressof(buffer), size)
    there = _Vector(address, size)
    got: int = _libc.process_vm_readv(
        ctypes.c_int(thread),
        ctypes.byref(here),
        ctypes.c_ulong(1),
        ctypes.byref(there),
        ctypes.c_ulong(1),
        ctypes.c_ulong(0),
    )
    if got >= 0:
        return buffer.raw[:got]
    error = ctypes.get_errno()
    if error == errno.ESRCH:
        raise Vanished
    if error == errno.EFAULT:
        return b""
    raise OSError(error, f"process_vm_readv of {thread}: {os.strerror(error)}")


def read_string(thread: int, address: int) -> str:
    """A NUL-terminated path; never reads across into a page that it does not touch."""
    found = b""
    while len(found) < _PATH_BYTES_MAX:
        at = address + len(found)
        piece = read_memory(thread, at, min(_STRING_STEP, _PAGE - at % _PAGE))
        end = piece.find(b"\0")
        if end >= 0:
            return os.fsdecode(found + piece[:end])
        if not piece:
            break
        found += piece
    return os.fsdecode(found)


def read_vectors(thread: int, address: int, count: int) -> bytes:
    """What an iovec of `count` entries points to, joined."""
    table = read_memory(thread, address, _POINTER_PAIR.size * count)
    whole = len(table) - len(table) % _POINTER_PAIR.size
    return b"".join(
        read_memory(thread, base, length)
        for base, length in _POINTER_PAIR.iter_unpack(table[:whole])
    )


def borrow(thread: int, descriptor: int) -> int:
    """A descriptor of our own for another process's open file: same position, same flags."""
    pidfd = os.pidfd_open(leader(thread))
    try:
        got: int = _libc.syscall(_PIDFD_GETFD, pidfd, descriptor, 0)
    finally:
        os.close(pidfd)
    if got < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"pidfd_getfd of {thread}: {os.strerror(error)}")
    return got


def signal_thread(process: int, thread: int, number: int) -> None:
    """Send a signal to one thread; Vanished where it is gone."""
    if _libc.tgkill(process, thread, int(number)):
        raise Vanished


def leader(thread: int) -> int:
    """The process of a thread; Vanished without it."""
    try:
        with open(f"/proc/{thread}/status", encoding="utf-8", errors="replace") as status:
            for line in status:
                if line.startswith("Tgid:"):
                    return int(line.split()[1])
    except OSError as error:
        raise Vanished from error
    raise Vanished
