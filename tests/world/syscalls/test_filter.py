"""The filter, run by a small BPF machine of the test's own: both architectures, every way out."""

from __future__ import annotations

import errno
import mmap
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.world.syscalls.filter import SEND_FLAGS_ARGUMENT, SLEEPS, Assembler, program
from harness.world.syscalls.numbers import MACHINES
from tests.stacks.recording import Workshop

ALLOW, NOTIFY, KILL, ERRNO = 0x7FFF0000, 0x7FC00000, 0x80000000, 0x00050000
X86, ARM = MACHINES["x86_64"], MACHINES["aarch64"]


def interpret(code: bytes, arch: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """What the kernel would do with one call."""
    padded = (*arguments, *[0] * 6)[:6]
    data = struct.pack("iIQ6Q", number, arch, 0, *padded)
    at, register = 0, 0
    while True:
        kind, then, otherwise, operand = struct.unpack_from("HBBI", code, 8 * at)
        at += 1
        if kind == 0x20:
            (register,) = struct.unpack_from("I", data, operand)
        elif kind == 0x54:
            register &= operand
        elif kind == 0x06:
            return int(operand)
        else:
            holds = {0x15: register == operand, 0x35: register >= operand}.get(
                kind, bool(register & operand)
            )
            at += then if holds else otherwise


@pytest.mark.parametrize("here", [X86, ARM], ids=lambda here: here.name)
def test_calls_that_change_disks_wait_and_others_pass(here) -> None:
    code = program(here)
    for call in ("write", "pwritev2", "fsync", "renameat2", "unlinkat", "openat2", "ftruncate"):
        assert interpret(code, here.audit_arch, here.numbers[call]) == NOTIFY
    getpid = 39 if here is X86 else 172
    assert interpret(code, here.audit_arch, getpid) == ALLOW


@pytest.mark.parametrize("here", [X86, ARM], ids=lambda here: here.name)
def test_sleeps_wait_only_where_that_is_asked_for(here) -> None:
    for call in SLEEPS:
        number = here.numbers[call]
        assert interpret(program(here), here.audit_arch, number) == ALLOW
        assert interpret(program(here, sleeps=True), here.audit_arch, number) == NOTIFY


@pytest.mark.parametrize("here", [X86, ARM], ids=lambda here: here.name)
@pytest.mark.parametrize(
    ("flags", "verdict"),
    [
        (os.O_RDONLY, ALLOW),
        (os.O_RDONLY | os.O_CLOEXEC, ALLOW),
        (os.O_WRONLY, NOTIFY),
        (os.O_RDWR, NOTIFY),
        (os.O_RDONLY | os.O_CREAT, NOTIFY),
        (os.O_RDONLY | os.O_TRUNC, NOTIFY),
    ],
)
def test_only_an_open_that_may_write_waits(here, flags: int, verdict: int) -> None:
    code = program(here)
    assert interpret(code, here.audit_arch, here.numbers["openat"], (0, 0, flags)) == verdict
    if "open" in here.numbers:
        assert interpret(code, here.audit_arch, here.numbers["open"], (0, flags)) == verdict


@pytest.mark.parametrize(
    ("protection", "flags", "verdict"),
    [
        (mmap.PROT_READ, mmap.MAP_SHARED, ALLOW),
        (mmap.PROT_WRITE, mmap.MAP_PRIVATE, ALLOW),
        (mmap.PROT_WRITE, mmap.MAP_SHARED, NOTIFY),
        (mmap.PROT_WRITE, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, ALLOW),
    ],
)
def test_only_a_shared_writable_mapping_of_a_file_waits(
    protection: int, flags: int, verdict: int
) -> None:
    arguments = (0, 4096, protection, flags, 3, 0)
    assert interpret(program(X86), X86.audit_arch, X86.numbers["mmap"], arguments) == verdict


def test_another_architecture_ends_the_process_and_x32_does_not_exist() -> None:
    code = program(X86)
    assert interpret(code, ARM.audit_arch, X86.numbers["write"]) == KILL
    assert interpret(code, X86.audit_arch, 0x40000001) == ERRNO | errno.ENOSYS


def test_a_jump_to_nowhere_backwards_or_too_far_is_refused() -> None:
    code = Assembler()
    code.label("start")
    code.if_equal(1, then="start")
    with pytest.raises(ValueError, match="0 to 255"):
        code.assemble()
    code = Assembler()
    code.if_equal(1, then="nowhere")
    with pytest.raises(ValueError, match="'nowhere'"):
        code.assemble()


def test_the_kernel_agrees_about_the_doors(workshop: Workshop, fresh: Callable[[], Path]) -> None:
    run = workshop.run("tests.stacks.calls:doors", fresh())
    assert run.error is None
    [(_, found)] = run.said
    assert found == {
        "io_uring_setup": "ENOSYS",
        f"{socket.AF_INET.name} SOCK_DGRAM": "EACCES",
        f"{socket.AF_INET.name} SOCK_STREAM": "open",
        f"{socket.AF_INET6.name} SOCK_DGRAM": "EACCES",
        f"{socket.AF_INET6.name} SOCK_STREAM": "open",
        f"{socket.AF_UNIX.name} SOCK_DGRAM": "open",
        f"{socket.AF_UNIX.name} SOCK_STREAM": "open",
    }


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("call", SEND_FLAGS_ARGUMENT)
def test_sending_passes_and_fast_open_is_refused(name: str, call: str) -> None:
    here = MACHINES[name]
    code, number = program(here), here.numbers[call]
    arguments = [0] * 6
    assert interpret(code, here.audit_arch, number, tuple(arguments)) == ALLOW
    arguments[SEND_FLAGS_ARGUMENT[call]] = 0x20000000
    assert interpret(code, here.audit_arch, number, tuple(arguments)) == ERRNO | errno.EACCES
    assert interpret(code, here.audit_arch, here.numbers["connect"]) == NOTIFY
