"""A directory as a value: its files by identity, its names, its directories and symbolic links.

Two names of one file (hard links) share an identity, so that a write through one is seen through
the other. Permissions, owners, times, sockets and pipes are not part of the model.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Rebuildable = Callable[[str], bool]


def is_rebuildable(path: str) -> bool:
    """SQLite's shared-memory index: mapped writable, and made anew from the log by whoever opens.

    Source: sqlite.org/walformat.html, "The WAL-Index File".
    """
    return path.endswith("-shm")


@dataclass(frozen=True)
class Tree:
    """Paths are relative to the home, `/`-separated; the home itself (`.`) is not listed."""

    names: Mapping[str, int] = field(default_factory=dict)
    contents: Mapping[int, bytes] = field(default_factory=dict)
    directories: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)

    def content(self, path: str) -> bytes:
        """The bytes of one file."""
        return self.contents[self.names[path]]

    def without(self, unwanted: Rebuildable) -> Tree:
        """The same tree less the files of these names."""
        names = {path: file for path, file in self.names.items() if not unwanted(path)}
        return Tree(names, self.contents, self.directories, self.links)


def read_tree(home: Path) -> tuple[Tree, dict[tuple[int, int], int]]:
    """A directory as it is, identities from 0 on in the order of the paths; and each by inode."""
    names: dict[str, int] = {}
    contents: dict[int, bytes] = {}
    links: dict[str, str] = {}
    directories: set[str] = set()
    known: dict[tuple[int, int], int] = {}
    for path, place in _walk(os.fspath(home), ""):
        status = os.lstat(place)
        if stat.S_ISLNK(status.st_mode):
            links[path] = os.readlink(place)
        elif stat.S_ISDIR(status.st_mode):
            directories.add(path)
        elif stat.S_ISREG(status.st_mode):
            file = known.setdefault((status.st_dev, status.st_ino), len(known))
            names[path] = file
            with open(place, "rb", buffering=0) as stream:
                contents[file] = stream.readall()
    return Tree(names, contents, frozenset(directories), links), known


def _walk(folder: str, above: str) -> Iterator[tuple[str, str]]:
    """Everything below a folder, by its path in it and its place, in the order of the paths."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        yield above + entry.name, entry.path
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, f"{above}{entry.name}/")


def write_tree(tree: Tree, into: Path) -> None:
    """Lay a tree down in an existing empty directory, for its owner alone."""
    root = os.fspath(into)
    for path in sorted(tree.directories):
        os.makedirs(os.path.join(root, path), mode=0o700, exist_ok=True)
    first: dict[int, str] = {}
    for path, file in tree.names.items():
        place = os.path.join(root, path)
        if "/" in path:
            os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
        if file in first:
            os.link(first[file], place)
            continue
        first[file] = place
        _write(place, tree.contents[file])
    for path, target in tree.links.items():
        os.symlink(target, os.path.join(root, path))


def _write(place: str, content: bytes) -> None:
    # Thousands of states a second go through here: no buffers, no path objects.
    descriptor = os.open(place, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


def difference(expected: Tree, found: Tree) -> str | None:
    """The first difference as a sentence, None where there is none. Identities do not count."""
    for what, left, right in (
        ("directories", expected.directories, found.directories),
        ("files", expected.names.keys(), found.names.keys()),
        ("symbolic links", set(expected.links.items()), set(found.links.items())),
    ):
        if set(left) != set(right):
            only = sorted(map(str, set(left) - set(right)))
            more = sorted(map(str, set(right) - set(left)))
            return f"the {what} differ: {only} are missing, {more} were not expected"
    for path in sorted(expected.names):
        left_bytes, right_bytes = expected.content(path), found.content(path)
        if left_bytes != right_bytes:
            at = next(
                (
                    i
                    for i, (a, b) in enumerate(zip(left_bytes, right_bytes, strict=False))
                    if a != b
                ),
                min(len(left_bytes), len(right_bytes)),
            )
            return (
                f"{path} differs from byte {at} on: {len(left_bytes)} bytes were expected, "
                f"{len(right_bytes)} are there"
            )
    return None
