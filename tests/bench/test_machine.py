"""What machine it is, and where its disk is."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench import machine
from harness.bench.machine import NoDisk, differences, disk_folder, filesystem_of, this_machine


def test_this_machine_is_the_same_as_itself_and_another_is_told_by_what_differs() -> None:
    here = this_machine()
    assert differences(here, here) == []
    told = differences(here, {**here, "cpu": "Z80", "cores": 1})
    assert len(told) == 2
    assert "'Z80' there" in told[0]


def test_it_names_no_host_and_no_user() -> None:
    assert this_machine().keys() == {"cpu", "cores", "system", "python", "load"}


def test_the_innermost_mount_decides_the_kind_of_file_system(tmp_path: Path) -> None:
    inner = tmp_path / "a disk"
    inner.mkdir()
    mounts = tmp_path / "mounts"
    where = str(inner.resolve()).replace(" ", "\\040")
    mounts.write_text(
        f"/dev/vda / ext4 rw 0 0\nnone {tmp_path} tmpfs rw 0 0\nx {where} xfs rw 0 0\n"
    )
    assert filesystem_of(inner, mounts) == "xfs"
    assert filesystem_of(tmp_path, mounts) == "tmpfs"
    assert filesystem_of(Path("/usr"), mounts) == "ext4"


def test_a_folder_in_memory_is_not_taken_for_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, disk = tmp_path / "memory", tmp_path / "disk"
    memory.mkdir()
    disk.mkdir()
    monkeypatch.setattr(
        machine, "filesystem_of", lambda folder: "tmpfs" if folder == memory else "ext4"
    )
    assert disk_folder([memory, disk]).parent == disk
    with pytest.raises(NoDisk, match="in memory an fsync costs nothing"):
        disk_folder([memory])
