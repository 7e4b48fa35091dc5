"""The filter that a life puts on itself: which system calls wait for the runner's answer.

A classic BPF program over `struct seccomp_data`. A call that may change a disk is notified; a
read-only open and a private mapping pass without a stop; the doors that no recorder can watch
(io_uring, Linux AIO) do not exist (ENOSYS), so that their users take the usual calls; datagram and
raw internet sockets are refused (EACCES): one `sendto` would slip past any gate on `connect`. That
is notified, so that neither a C library nor a child process leaves this machine.
A system call of another architecture ends the process: its numbers mean something else.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from harness.world.syscalls.numbers import Machine, machine

_ALLOW = 0x7FFF0000
_NOTIFY = 0x7FC00000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000

_NUMBER_AT = 0
_ARCH_AT = 4
_ARGUMENTS_AT = 16
_X32_BIT = 0x40000000

_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_AT_LEAST = 0x35
_JUMP_ANY_BIT = 0x45
_AND = 0x54
_RETURN = 0x06

_WRITING_OPEN = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_MAP_SHARED = 1
_MAP_ANONYMOUS = 0x20
_PROT_WRITE = 2
_SOCKET_TYPE_BITS = 0xF
_FAST_OPEN = 0x20000000

OPEN_FLAGS_ARGUMENT = {"open": 1, "openat": 2}
"""Which argument holds the flags of an open; those of openat2 lie in memory, unseen by BPF."""
SEND_FLAGS_ARGUMENT = {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}
"""Which argument holds the flags of a call that sends."""
DECIDED_BY_ARGUMENTS = {*OPEN_FLAGS_ARGUMENT, *SEND_FLAGS_ARGUMENT, "mmap", "socket"}
DO_NOT_EXIST = {"io_uring_setup", "io_setup"}
SLEEPS = {"nanosleep", "clock_nanosleep"}
"""Notified only where asked for: nothing happens in them, but somebody waits for somebody."""


@dataclass
class Assembler:
    """A BPF program with named places to jump to; jumps go forward only."""

    _lines: list[tuple[int, str | None, str | None, int]] = field(default_factory=list)
    _labels: dict[str, int] = field(default_factory=dict)

    def label(self, name: str) -> None:
        """Name the place of the next instruction."""
        self._labels[name] = len(self._lines)

    def load(self, offset: int) -> None:
        """Load the 32-bit word at this offset of `struct seccomp_data`."""
        self._lines.append((_LOAD_WORD, None, None, offset))

    def load_argument(self, index: int) -> None:
        """Load the low half of an argument (both machines are little-endian)."""
        self.load(_ARGUMENTS_AT + 8 * index)

    def keep_bits(self, mask: int) -> None:
        """And the loaded word with a mask."""
        self._lines.append((_AND, None, None, mask))

    def if_equal(self, value: int, then: str | None = None, otherwise: str | None = None) -> None:
        """Jump by equality; None goes on with the next instruction."""
        self._lines.append((_JUMP_EQUAL, then, otherwise, value))

    def if_at_least(self, value: int, then: str) -> None:
        """Jump where the loaded word is at least this, unsigned."""
        self._lines.append((_JUMP_AT_LEAST, then, None, value))

    def if_any_bit(self, mask: int, then: str | None = None, otherwise: str | None = None) -> None:
        """Jump by whether any bit of the mask is set."""
        self._lines.append((_JUMP_ANY_BIT, then, otherwise, mask))

    def give(self, verdict: int) -> None:
        """End with this verdict."""
        self._lines.append((_RETURN, None, None, verdict))

    def assemble(self) -> bytes:
        """The program as `struct sock_filter[]`; ValueError for a jump that BPF cannot make."""
        return b"".join(
            struct.pack("HBBI", code, self._jump(at, then), self._jump(at, otherwise), operand)
            for at, (code, then, otherwise, operand) in enumerate(self._lines)
        )

    def _jump(self, at: int, label: str | None) -> int:
        if label is None:
            return 0
        if label not in self._labels:
            raise ValueError(f"no instruction is labelled {label!r}")
        distance = self._labels[label] - at - 1
        if not 0 <= distance <= 255:
            raise ValueError(f"the jump from {at} to {label!r} is {distance} long, 0 to 255 is it")
        return distance


def program(on: Machine | None = None, *, sleeps: bool = False) -> bytes:
    """The filter for a machine, this one by default: 8 bytes an instruction.

    With `sleeps` sleeping is notified too.
    """
    return _assembled((on or machine()).name, sleeps)


@cache
def _assembled(name: str, sleeps: bool) -> bytes:
    """Each life is given it, and it is always the same."""
    here = machine(name)
    numbers = here.numbers
    code = Assembler()
    code.load(_ARCH_AT)
    code.if_equal(here.audit_arch, otherwise="kill")
    code.load(_NUMBER_AT)
    if here.name == "x86_64":
        code.if_at_least(_X32_BIT, then="does not exist")
    for name in sorted(numbers if sleeps else numbers.keys() - SLEEPS):
        if name in DECIDED_BY_ARGUMENTS:
            code.if_equal(numbers[name], then=name)
        elif name in DO_NOT_EXIST:
            code.if_equal(numbers[name], then="does not exist")
        else:
            code.if_equal(numbers[name], then="notify")
    code.give(_ALLOW)
    for name, argument in OPEN_FLAGS_ARGUMENT.items():
        if name in numbers:
            code.label(name)
            code.load_argument(argument)
            code.if_any_bit(_WRITING_OPEN, then="notify")
            code.give(_ALLOW)
    _decide_mapping(code)
    _decide_socket(code)
    _decide_sending(code, numbers)
    code.label("notify")
    code.give(_NOTIFY)
    code.label("does not exist")
    code.give(_ERRNO | errno.ENOSYS)
    code.label("refuse")
    code.give(_ERRNO | errno.EACCES)
    code.label("allow")
    code.give(_ALLOW)
    code.label("kill")
    code.give(_KILL_PROCESS)
    return code.assemble()


def _decide_mapping(code: Assembler) -> None:
    """Only a mapping of a file that is shared and writable changes it."""
    code.label("mmap")
    code.load_argument(3)
    code.if_any_bit(_MAP_SHARED, otherwise="allow")
    code.if_any_bit(_MAP_ANONYMOUS, then="allow")
    code.load_argument(2)
    code.if_any_bit(_PROT_WRITE, then="notify", otherwise="allow")


def _decide_sending(code: Assembler, numbers: Mapping[str, int]) -> None:
    """TCP's fast open connects while it sends: programs connect first where there is none."""
    for name, argument in SEND_FLAGS_ARGUMENT.items():
        if name in numbers:
            code.label(name)
            code.load_argument(argument)
            code.if_any_bit(_FAST_OPEN, then="refuse", otherwise="allow")


def _decide_socket(code: Assembler) -> None:
    """Of the internet's sockets only streams are allowed."""
    code.label("socket")
    code.load_argument(0)
    code.if_equal(int(socket.AF_INET), then="internet")
    code.if_equal(int(socket.AF_INET6), otherwise="allow")
    code.label("internet")
    code.load_argument(1)
    code.keep_bits(_SOCKET_TYPE_BITS)
    code.if_equal(int(socket.SOCK_STREAM), then="allow", otherwise="refuse")
