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
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz")


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
    place = _hit(data, damage)
    if place is None:
        return None
    hit = data[place]
    data[place] = (
        b"" if damage.what == "empty" else bytes(_spoilt(damage.what, byte) for byte in hit)
    )
    file.write_bytes(data)
    return Spoilt(file.relative_to(home).as_posix(), place.start, len(hit))


def _spoilt(what: str, byte: int) -> int:
    if what == "flip":
        return byte ^ 1
    return 0 if what == "nul" else byte ^ _GARBAGE


def _hit(data: bytearray, damage: Damage) -> slice | None:
    """Which bytes; None where none of them is a letter that one bit makes another."""
    if damage.what == "empty":
        return slice(0, len(data))
    offset = int(damage.at * max(0, len(data) - BYTES))
    if damage.what != "flip":
        return slice(offset, offset + BYTES)
    letters = [at for at, byte in enumerate(data) if {byte, byte ^ 1} <= _LETTERS]
    first = next((at for at in letters if at >= offset), letters[-1] if letters else None)
    return None if first is None else slice(first, first + 1)


def _largest(home: Path, pattern: str) -> Path | None:
    found = [
        (path.stat().st_size, path.relative_to(home).as_posix(), path)
        for path in home.rglob("*")
        if path.is_file() and not path.is_symlink()
    ]
    matching = [entry for entry in found if entry[0] and fits(entry[1], pattern)]
    return max(matching)[2] if matching else None
