"""System call numbers and the audit architecture of the machines that the recorder knows.

A call that a machine does not have is absent from its table (aarch64 has no `open`, only
`openat`). Source: the kernel's `arch/x86/entry/syscalls/syscall_64.tbl` and
`include/uapi/asm-generic/unistd.h`.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass

_X86_64 = {
    "write": 1,
    "open": 2,
    "mmap": 9,
    "pwrite64": 18,
    "writev": 20,
    "nanosleep": 35,
    "sendfile": 40,
    "socket": 41,
    "connect": 42,
    "sendto": 44,
    "sendmsg": 46,
    "fsync": 74,
    "fdatasync": 75,
    "truncate": 76,
    "ftruncate": 77,
    "rename": 82,
    "mkdir": 83,
    "rmdir": 84,
    "creat": 85,
    "link": 86,
    "unlink": 87,
    "symlink": 88,
    "mknod": 133,
    "sync": 162,
    "io_setup": 206,
    "clock_nanosleep": 230,
    "openat": 257,
    "mkdirat": 258,
    "mknodat": 259,
    "unlinkat": 263,
    "renameat": 264,
    "linkat": 265,
    "symlinkat": 266,
    "splice": 275,
    "fallocate": 285,
    "pwritev": 296,
    "syncfs": 306,
    "sendmmsg": 307,
    "renameat2": 316,
    "copy_file_range": 326,
    "pwritev2": 328,
    "io_uring_setup": 425,
    "openat2": 437,
}
_AARCH64 = {
    "io_setup": 0,
    "mknodat": 33,
    "mkdirat": 34,
    "unlinkat": 35,
    "symlinkat": 36,
    "linkat": 37,
    "renameat": 38,
    "truncate": 45,
    "ftruncate": 46,
    "fallocate": 47,
    "openat": 56,
    "write": 64,
    "writev": 66,
    "pwrite64": 68,
    "pwritev": 70,
    "sendfile": 71,
    "splice": 76,
    "sync": 81,
    "fsync": 82,
    "fdatasync": 83,
    "nanosleep": 101,
    "clock_nanosleep": 115,
    "socket": 198,
    "connect": 203,
    "sendto": 206,
    "sendmsg": 211,
    "mmap": 222,
    "syncfs": 267,
    "sendmmsg": 269,
    "renameat2": 276,
    "copy_file_range": 285,
    "pwritev2": 287,
    "io_uring_setup": 425,
    "openat2": 437,
}


class UnknownMachine(Exception):
    """There is no table for this machine."""


@dataclass(frozen=True)
class Machine:
    """One architecture: its AUDIT_ARCH value, and the number of each call it has, by name."""

    name: str
    audit_arch: int
    numbers: Mapping[str, int]

    def name_of(self, number: int) -> str:
        """The call with this number; `#N` for one that is not in the table."""
        return next((name for name, n in self.numbers.items() if n == number), f"#{number}")


MACHINES = {
    "x86_64": Machine("x86_64", 0xC000003E, _X86_64),
    "aarch64": Machine("aarch64", 0xC00000B7, _AARCH64),
}


def machine(name: str | None = None) -> Machine:
    """The table of a machine, this one by default; UnknownMachine where there is none."""
    wanted = platform.machine() if name is None else name
    if wanted not in MACHINES:
        known = " and ".join(MACHINES)
        raise UnknownMachine(
            f"the recorder knows the system calls of {known}, and this machine is {wanted}"
        )
    return MACHINES[wanted]
