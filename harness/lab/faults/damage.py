"""Damage to a file at rest, as a bad sector or a slip of the hand leaves it.

No crash explains it: what was durable is not what it was. A target must say so, and lose no more
than the record that was hit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.lab.faults.deaths import fits
from harness.scenario.faults import Damage

BYTES = 12
_GARBAGE = 0xA5
"""What each byte is mixed with: none of them is a letter, a quote or a newline afterwards."""


@dataclass(frozen=True)
class Spoilt:
    """What was done: the file's path in the home, and which bytes of it were changed."""

    path: str
    offset: int
    size: int


def spoil(home: Path, damage: Damage) -> Spoilt | None:
    """Do it; None where there is no such file, or nothing in it."""
    file = _largest(home, damage.file)
    if file is None:
        return None
    data = bytearray(file.read_bytes())
    offset = 0 if damage.what == "empty" else int(damage.at * max(0, len(data) - BYTES))
    end = len(data) if damage.what == "empty" else min(len(data), offset + BYTES)
    hit = data[offset:end]
    if damage.what == "empty":
        data.clear()
    else:
        data[offset:end] = bytes(0 if damage.what == "nul" else byte ^ _GARBAGE for byte in hit)
    file.write_bytes(data)
    return Spoilt(file.relative_to(home).as_posix(), offset, len(hit))


def _largest(home: Path, pattern: str) -> Path | None:
    found = [
        (path.stat().st_size, path.relative_to(home).as_posix(), path)
        for path in home.rglob("*")
        if path.is_file() and not path.is_symlink()
    ]
    matching = [entry for entry in found if entry[0] and fits(entry[1], pattern)]
    return max(matching)[2] if matching else None
