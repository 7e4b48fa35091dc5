"""Every crossing of a life goes over this bridge: to the model, the tools, the user.

A message is a round trip. The runner records it before it answers, and may answer "die": then
the life says which source line it stood on and stops for ever, waiting for its SIGKILL. Nothing
in the process runs on after that, no `finally` and no other thread that needs the bridge.

A crossing at which nothing can be scripted is only told (`tell`): the life goes on at once, and
what it said stands in the line before all that it says or does later.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

from harness.channel import Channel, Hangup
from harness.frames import innermost
from harness.life.target.standing import suspended

_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
RUNNER_GONE = 77
"""Exit status of a life whose runner disappeared."""


class Bridge:
    """The life's end. `home_file` is the target's own source file, to name the line it dies on.

    `gone` is called when the runner has disappeared, and does not come back.
    """

    def __init__(
        self,
        channel: Channel,
        home_file: str | None,
        gone: Callable[[], NoReturn] = lambda: os._exit(RUNNER_GONE),
    ) -> None:
        self._channel = channel
        self._home_file = home_file
        self._gone = gone
        self.before: Callable[[], None] = lambda: None
        """Called before anything crosses."""
        self._lock = threading.RLock()

    def call(self, **message: Any) -> dict[str, Any]:
        """Send one message and return the answer; does not return when the answer is to die."""
        with self._lock:
            try:
                self.before()
                self._channel.send(message)
                answer = self._channel.receive()
                if answer.get("die"):
                    # A disk operation is named by the line that issued it, however deep.
                    home_file = None if message["call"] == "told" else self._home_file
                    self._channel.send({"where": source_line(home_file)})
                    while True:
                        self._channel.receive()
            except Hangup:
                self._gone()
            return answer

    def tell(self, **message: Any) -> None:
        """Send one message that has no answer."""
        with self._lock:
            try:
                self.before()
                self._channel.send(message)
            except Hangup:
                self._gone()

    def gate(self, at: Sequence[str], **details: Any) -> Mapping[str, Any]:
        """Say what is about to take effect, in this order; the life may die at any of it."""
        return self.call(call="gate", at=at, **details)


def source_line(home_file: str | None) -> str | None:
    """`file.py:88 the line`, innermost in the target's own file, else outside any library.

    Where the thread only runs an event loop, of what waits on that.
    """
    return innermost([*_frames(sys._getframe()), *suspended()], _LIBRARIES, home_file)


def raising_line(error: BaseException, home_file: str | None) -> str | None:
    """The same of the line that raised; of what is no Python, the line that Python names."""
    frames = traceback.walk_tb(error.__traceback__)
    places = [(frame.f_code.co_filename, number) for frame, number in frames]
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        places.append((error.filename, error.lineno))
    return innermost(places[::-1], _LIBRARIES, home_file)


def _frames(frame: FrameType | None) -> Iterator[tuple[str, int]]:
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
