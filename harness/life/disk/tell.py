"""Telling the runner of a system call before it is made, and doing what the answer says.

One call at a time: the next is not told before the last is done, so that the order in which they
are told is the one in which they take effect. A forked child tells nothing: it must not speak on
its parent's bridge.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.channel import to_text

Ask = Callable[..., Mapping[str, Any]]
Argument = int | bytes | None
AT_FDCWD = -100

_ask: Ask | None = None
_alone = threading.RLock()


@dataclass(frozen=True)
class Told:
    """A system call in words: bytes are what a pointer points to, None is a null pointer.

    `part` does only the first so many bytes of a write; `paths` are for the error's message.
    """

    name: str
    arguments: tuple[Argument, ...]
    part: Callable[[int], Any] | None = None
    paths: tuple[Any, ...] = ()


def begin(ask: Ask) -> None:
    """From now on this process tells."""
    global _ask
    _ask = ask
    os.register_at_fork(after_in_child=fall_silent)


def fall_silent() -> None:
    """From now on it does not."""
    global _ask
    _ask = None


def silent() -> bool:
    """Whether nobody is told anything."""
    return _ask is None


def tell(told: Told | None, act: Callable[[], Any]) -> Any:
    """Tell, hear what to do, and do it; what is of no interest (None) is just done."""
    if told is None or _ask is None:
        return act()
    with _alone:
        given: list[str] = []
        numbers = [_number(argument, given) for argument in told.arguments]
        thread = threading.get_native_id()
        answer = _ask(call="told", name=told.name, thread=thread, arguments=numbers, given=given)
        if "errno" in answer:
            one, other = (*told.paths, None, None)[:2]
            # The place before the second path is Windows' own number.
            raise OSError(answer["errno"], os.strerror(answer["errno"]), one, None, other)
        if "part" not in answer or told.part is None:
            return act()
        done = told.part(answer["part"])
        if answer.get("torn"):
            _ask(call="told", name="torn")
        return done


def _number(argument: Argument, given: list[str]) -> int:
    """An argument as a number; a pointer is the place of what it points to, from 1."""
    if isinstance(argument, int):
        return argument
    if argument is None:
        return 0
    given.append(to_text(argument))
    return len(given)


def path_of(path: Any) -> bytes:
    """A path argument as the kernel will see it; ValueError for one that no kernel would."""
    encoded = os.fsencode(os.fspath(path))
    if b"\0" in encoded:
        raise ValueError("embedded null byte")
    return encoded


def joined(buffer: Any) -> bytes:
    """The bytes of a buffer, or of several."""
    if isinstance(buffer, list | tuple):
        return b"".join(bytes(memoryview(one).cast("B")) for one in buffer)
    return bytes(memoryview(buffer).cast("B"))


def on_disk(descriptor: int) -> bool:
    """Whether a descriptor may be a file's: pipes and sockets are nobody's business here."""
    return stat.S_IFMT(os.fstat(descriptor).st_mode) in (stat.S_IFREG, stat.S_IFDIR)


_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def opening(path: Any, flags: int, mode: int, directory: int = AT_FDCWD) -> Told | None:
    """An open, where it may change something; one for reading is not told."""
    if not flags & _WRITING:
        return None
    return Told("openat", (directory, path_of(path), flags, mode), paths=(path,))


def plain(*paths: Any) -> tuple[Any, ...]:
    """Paths as the functions of `os` name them in an error."""
    return tuple(os.fspath(path) for path in paths)


def writing(descriptor: int, buffer: Any, part: Callable[[int], Any]) -> Told | None:
    """A write at the descriptor's position."""
    if not on_disk(descriptor):
        return None
    data = joined(buffer)
    return Told("write", (descriptor, data, len(data)), part) if data else None
