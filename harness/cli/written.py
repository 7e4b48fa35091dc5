"""Writing what an option asked for: its folder is made, and a failure is a sentence, no exception.

A reader who left (`harness ... | head`) is none of these failures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def written(option: str, path: Path, text: str) -> str:
    """Write a file, its folder too where it is missing; why that cannot be done, or nothing."""

    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return tried(option, path, write)


def tried(option: str, path: Path | str, write: Callable[[], None]) -> str:
    """The same of any way to write."""
    try:
        write()
    except BrokenPipeError:
        raise
    except OSError as error:
        elsewhere = error.filename and error.filename != str(path)
        got = f"got {error.strerror}" + (f" ({error.filename})" if elsewhere else "")
        return f"{option} {path}: expected to write it, {got}; make room, or name another file"
    return ""
