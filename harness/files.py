"""Reading a file that a user names: a regular one, and no more of it than is fair; writing JSON.

A pipe would be waited for, a device has no end; both are refused before they are opened.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

_HALF = re.compile("[\ud800-\udfff]")


class Unreadable(Exception):
    """What was got instead of a file; `remedy` says what to do about it."""

    def __init__(self, got: str, remedy: str) -> None:
        super().__init__(f"got {got}; {remedy}")
        self.got = got
        self.remedy = remedy


def read_file(path: Path, bytes_max: int) -> bytes:
    """All of a file; Unreadable where it is none, cannot be read or is longer than that."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise Unreadable("a folder", "name a file")
        if not stat.S_ISREG(mode):
            raise Unreadable("a pipe, a socket or a device", "name a file")
        with path.open("rb") as stream:
            data = stream.read(bytes_max + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Unreadable(f"an error of the system ({reason})", "check the path") from error
    if len(data) > bytes_max:
        raise Unreadable(f"more than {_told(bytes_max)}", "give a shorter one")
    return data


def storable(json_text: str) -> str:
    """The same JSON, with half surrogate pairs as escapes: UTF-8 has no bytes for them."""
    return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", json_text)


def _told(count: int) -> str:
    return f"{count >> 20} MB" if count >> 20 else f"{count} bytes"
