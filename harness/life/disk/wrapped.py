"""The functions that change a disk, replaced by ones that tell first: where seccomp is refused.

`install` puts them in place of Python's own wherever a module holds one, once a server; until
`begin` is called in a life they only pass calls on. What a C library or a child process does is not
told: the runner finds it unexplained at the end.
"""

from __future__ import annotations

import io
import mmap
import os
import sys
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from harness.life.disk import files
from harness.life.disk.calls import CALLS, Describe
from harness.life.disk.tell import begin, silent, tell

__all__ = ["begin", "install"]

_OURS = "harness.life.disk"


class Wrapped:
    """A function that tells. An object, so that it does not turn into a method in a class."""

    def __init__(self, original: Any, describe: Describe) -> None:
        self.original = original
        self.__name__ = original.__name__
        self.__doc__ = original.__doc__
        self._describe = describe

    def __repr__(self) -> str:
        return repr(self.original)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call it, telling first where that concerns a disk."""
        if silent():
            return self.original(*arguments, **named)
        try:
            told = self._describe(*arguments, **named)
        except (TypeError, ValueError, OverflowError, OSError, AttributeError):
            # Whatever is wrong with the call, the function itself says it better.
            told = None
        return tell(told, lambda: self.original(*arguments, **named))


def install() -> None:
    """Put the telling functions in place, for good."""
    if isinstance(os.open, Wrapped):
        return
    known = {name: describe for name, describe in CALLS.items() if hasattr(os, name)}
    wrappers = [Wrapped(getattr(os, name), describe) for name, describe in known.items()]
    for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        able.update({wrapper for wrapper in wrappers if wrapper.original in able})
    by_original: dict[int, Any] = {id(wrapper.original): wrapper for wrapper in wrappers}
    by_original[id(io.open)] = files.open_watched
    by_original[id(io.FileIO)] = files.WatchedFile
    by_original[id(mmap.mmap)] = files.WatchedMap
    _replace_everywhere(by_original)


def _replace_everywhere(by_original: Mapping[int, Any]) -> None:
    """In every module but our own, and in the defaults of its functions and methods."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        if not isinstance(names, dict) or str(names.get("__name__", "")).startswith(_OURS):
            continue
        for name, value in list(names.items()):
            if (telling := by_original.get(id(value))) is not None:
                names[name] = telling
            elif isinstance(value, FunctionType):
                _replace_defaults(value, by_original)
            elif isinstance(value, type):
                for method in list(vars(value).values()):
                    if isinstance(method, FunctionType):
                        _replace_defaults(method, by_original)


def _replace_defaults(function: FunctionType, by_original: Mapping[int, Any]) -> None:
    defaults = function.__defaults__
    if defaults and any(id(value) in by_original for value in defaults):
        function.__defaults__ = tuple(by_original.get(id(value), value) for value in defaults)
