"""Huge pages: which memory is gathered, and that a process goes on as before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from harness.life.pages import HUGE_BYTES, gather, own_memory

MAPS = """\
559b7ae81000-559b7cd84000 rw-p 00000000 00:00 0                          [heap]
7fb688021000-7fb68c000000 ---p 00000000 00:00 0
7fb698000000-7fb698a00000 rw-p 00000000 00:00 0
7fb698fe8000-7fb6991e8000 rw-p 00000000 00:00 0
7fb699200000-7fb699a00000 rw-s 00000000 00:01 1044                       /memfd:virtual-clock
7fb69a92f000-7fb69ac97000 r-xp 0012e000 fe:00 16041203                   /usr/lib/a library.so
7fb69ac97000-7fb69b097000 rw-p 0012e000 fe:00 16041203                   /usr/lib/a library.so
7ffd6a500000-7ffd6aa00000 rw-p 00000000 00:00 0                          [stack]
"""
FORKS = """
import os
from harness.life.pages import gather
kept = [bytearray(f"{number}".encode() * 5000) for number in range(2000)]
gather()
if (pid := os.fork()) == 0:
    for each in kept:
        each[:1] = b"x"
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
assert all(each.startswith(f"{number}".encode()) for number, each in enumerate(kept))
print("as it was")
"""


def test_only_its_own_memory_is_gathered_and_only_in_whole_huge_pages() -> None:
    heap, large = own_memory(MAPS)
    assert heap == (0x559B7B000000, 0x559B7CC00000 - 0x559B7B000000)
    assert large == (0x7FB698000000, 5 * HUGE_BYTES)


def test_where_there_are_no_maps_nothing_is_done(tmp_path: Path) -> None:
    assert gather(str(tmp_path / "none")) == 0


def test_what_was_gathered_is_still_there_and_a_child_changes_only_its_own() -> None:
    told = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True)
    assert told.stdout == "as it was\n"
