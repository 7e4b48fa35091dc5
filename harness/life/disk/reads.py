"""Looks beside the home: a life that reaches for another session's directory is heard.

The line: everything next to the home, in the lab's own temporary directory, belongs to other
sessions. What lies elsewhere may be read: the interpreter, libraries, certificates, time zones, the
target's own configuration. Held at the interpreter's audit hooks, so C libraries are not heard but
for SQLite's opening.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

_EVENTS = {"open", "os.listdir", "os.scandir", "sqlite3.connect"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CODE = (".py", ".pyc")
_home: str | None = None
_report: Callable[[str, str], None] | None = None
_installed = False


def watch(home: str, report: Callable[[str, str], None]) -> None:
    """From now on call `report(operation, path)` for what is used beside `home`, seen from it."""
    global _home, _report, _installed
    _home, _report = home, report
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True


def beside(path: Any, home: str) -> str | None:
    """The path from the home, if it is next to the home or in something that is."""
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    text = os.fsdecode(path)
    around = os.path.dirname(home)
    if not text.startswith(around):
        return None
    text = os.path.normpath(text)
    if text == home or text.startswith(home + os.sep) or text.endswith(_CODE):
        return None
    if text != around and not text.startswith(around + os.sep):
        return None
    return os.path.relpath(text, home)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS or _home is None or _report is None:
        return
    if arguments and (found := beside(arguments[0], _home)) is not None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
        _report("write" if writes else "read", found)
