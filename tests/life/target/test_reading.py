"""What a process reads from its files is counted by the kernel, its own looking left out."""

from __future__ import annotations

import socket
from pathlib import Path

from harness.life.target.reading import read_counter


def test_what_is_read_from_files_counts_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"x" * 50_000)
    near, far = socket.socketpair()
    read_so_far = read_counter()
    before = read_so_far()
    assert read_so_far() == before
    file.read_bytes()
    near.sendall(b"y" * 5_000)
    assert len(far.recv(5_000)) == 5_000
    assert read_so_far() - before == 50_000
    near.close()
    far.close()
