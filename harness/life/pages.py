"""Huge pages for the warm server: what is forked and thrown away is its page tables, most of all.

A server with the SDK holds 24,000 pages; each fork copies the table of all, each death takes it
apart again: 5 ms of processor time, more than the life itself may need. Gathered into huge pages
(`MADV_COLLAPSE`, Linux 6.1) the same memory has fifty, and that time is a fourth of it. A page that
a life writes to is still copied alone.

It refuses nothing: where the kernel cannot or may not, the pages stay as they are.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator

HUGE_BYTES = 2 << 20
_MADV_COLLAPSE = 25


def gather(maps: str = "/proc/self/maps") -> int:
    """Collapse this process's own memory into huge pages; how many mappings were."""
    if not sys.platform.startswith("linux"):
        return 0
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    try:
        with open(maps, encoding="ascii", errors="replace") as listing:
            found = list(own_memory(listing.read()))
    except OSError:
        return 0
    return sum(madvise(start, size, _MADV_COLLAPSE) == 0 for start, size in found)


def own_memory(maps: str) -> Iterator[tuple[int, int]]:
    """Start and size of what is private, writable, of no file, and has room for a huge page."""
    for line in maps.splitlines():
        span, modes, _offset, _device, inode, *name = line.split(None, 5)
        start, end = (int(address, 16) for address in span.split("-"))
        first = -(-start // HUGE_BYTES) * HUGE_BYTES
        size = end // HUGE_BYTES * HUGE_BYTES - first
        anonymous = inode == "0" and (not name or name[0].strip() == "[heap]")
        if modes == "rw-p" and anonymous and size > 0:
            yield first, size
