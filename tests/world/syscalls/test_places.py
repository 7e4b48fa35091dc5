"""Which file is meant: by descriptor, by path, by identity."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from harness.world.syscalls.places import AT_FDCWD, Call, Files


def _call(files: Files, *arguments: int) -> Call:
    return Call("test", os.getpid(), arguments, files)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


def test_inside_is_the_home_and_what_lies_below(home: Path) -> None:
    files = Files(home)
    assert files.relative(str(home)) == "."
    assert files.relative(str(home / "sub" / "file")) == "sub/file"
    assert files.relative(str(home) + "-other/file") is None
    assert files.relative(str(home.parent)) is None


def test_a_home_behind_a_link_is_the_same_home(home: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(home)
    assert Files(tmp_path / "link").home == str(home)


def test_an_inode_that_comes_back_belongs_to_the_new_file(home: Path) -> None:
    files = Files(home)
    path = home / "file"
    first = files.create("file", 1)
    path.touch()
    files.settle(1)
    assert files.at(str(path)) == first
    path.unlink()
    second = files.create("file", 1)
    path.touch()
    files.settle(1)
    assert files.at(str(path)) == second != first


def test_a_file_that_another_thread_is_making_is_bound_later(home: Path) -> None:
    files = Files(home)
    file = files.create("file", thread=1)
    files.settle(thread=2)
    (home / "file").touch()
    files.settle(thread=2)
    assert files.at(str(home / "file")) == file


@pytest.mark.parametrize("how", ["forgotten", "failed", "killed"])
def test_a_file_that_could_not_be_made_leaves_its_name_to_others(home: Path, how: str) -> None:
    files = Files(home)
    other = files.create("other", thread=1)
    (home / "other").touch()
    files.settle(thread=1)
    file = files.create("file", thread=1)
    if how == "forgotten":
        files.forget(file)
    else:
        files.settle(thread=1 if how == "failed" else None)
    os.rename(home / "other", home / "file")
    files.settle(thread=2)
    assert files.at(str(home / "file")) == other


def test_a_descriptor_is_followed_through_renames(home: Path) -> None:
    files = Files(home)
    with open(home / "old", "wb") as file:
        os.rename(home / "old", home / "new")
        opened = _call(files, file.fileno()).opened(0)
        assert opened is not None
        assert opened.path == str(home / "new")
        os.unlink(home / "new")
        opened = _call(files, file.fileno()).opened(0)
        assert opened is not None
        assert opened.nameless
        assert opened.path == str(home / "new")


def test_what_is_on_no_disk_is_nothing(home: Path) -> None:
    files = Files(home)
    reading, writing = os.pipe()
    memory = os.memfd_create("memory")
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (reading, writing, memory, null):
        assert _call(files, descriptor).opened(0) is None
        os.close(descriptor)
    assert _call(files, 9999).opened(0) is None


def test_paths_start_where_the_caller_says(home: Path) -> None:
    files = Files(home)
    (home / "sub").mkdir()
    (home / "pointer").symlink_to("sub/target")
    folder = os.open(home / "sub", os.O_RDONLY)
    keep = []

    def path(text: str, start: int = AT_FDCWD, *, follow: bool = False) -> str | None:
        keep.append(ctypes.create_string_buffer(os.fsencode(text)))
        call = _call(files, start & 0xFFFFFFFF, ctypes.addressof(keep[-1]))
        return call.path(1, 0, follow=follow)

    assert path("name", folder) == str(home / "sub" / "name")
    assert path("../name", folder) == str(home / "name")
    assert path("name") == str(Path.cwd() / "name")
    assert path(str(home / "pointer"), folder) == str(home / "pointer")
    assert path(str(home / "pointer"), folder, follow=True) == str(home / "sub" / "target")
    assert path(f"/proc/self/fd/{folder}/name") == str(home / "sub" / "name")
    assert path(f"/dev/fd/{folder}/name") == str(home / "sub" / "name")
    assert path("name", 9999) is None
    os.close(folder)
