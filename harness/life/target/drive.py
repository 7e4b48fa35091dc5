"""Driving the target: opens it, hands it what the user writes, asks what it remembers.

A store is driven through the plain loop. Methods may be plain or async: what comes back awaitable
is run to its end on one event loop that lives as long as the process. An exception of the target is
an answer, not the end of the life.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import os
import re
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.life.bridge import raising_line
from harness.life.target.asking import Ask
from harness.life.target.load import is_store
from harness.life.target.plain_loop import PlainLoop, Told
from harness.protocol import HasCheckpoint, HasPins, HasResume, HasUsage, HasWindow

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
CAPABILITIES = {
    "checkpoint": HasCheckpoint.checkpoint,
    "usage": HasUsage.usage,
    "window": HasWindow.window,
    "resume": HasResume.resume,
    "pins": HasPins.send_pinned,
}
"""The method by which each is found."""


class Driver:
    """One target in one process. `answer` takes a command and returns what to send back.

    For a store: `asker` makes its loop's way to ask the model, `told` hears of each append.
    `read_so_far` is how many bytes this process has read from files. Of what raises, a line in
    `home_file`, the target's own source, is named first.
    """

    def __init__(
        self,
        target: Any,
        home: str,
        *,
        asker: Callable[[], Ask] | None = None,
        told: Told = lambda message: None,
        read_so_far: Callable[[], int] = lambda: 0,
        home_file: str | None = None,
    ) -> None:
        self._target = target
        self._home = home
        self._asker = asker
        self._told = told
        self._read_so_far = read_so_far
        self._home_file = home_file
        self._read = 0
        self._session: Any = None
        self._is_open = False
        self._loop: asyncio.Runner | None = None

    def let_go(self) -> None:
        """Close what was not closed yet, whatever comes of it."""
        if self._is_open:
            self.answer({"do": "close"})

    def answer(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out one command: `{"value"}`, or of what it raised error, trace and where."""
        try:
            value = getattr(self, f"_do_{command['do']}")(command)
        except BaseException as error:  # noqa: BLE001 - a target may raise SystemExit, or worse
            return {
                "error": self._plain(f"{type(error).__name__}: {error}"),
                "trace": _trace(error),
                "where": raising_line(error, self._home_file),
            }
        return {"value": value}

    def _do_open(self, command: Mapping[str, Any]) -> dict[str, Any]:
        store = is_store(self._target)
        self._session = self._open_store(command) if store else self._open_session(command)
        self._is_open = True
        return {
            # isinstance() with the protocol says the same, and takes a tenth of opening a session.
            "capabilities": [
                name
                for name, method in CAPABILITIES.items()
                if getattr(self._session, method.__name__, None) is not None
            ],
            "store": store,
            "private_modes": bool(getattr(self._target, "private_modes", False)),
            "options": [str(name) for name in getattr(self._target, "options", ())],
            "writers": getattr(self._target, "writers", "one"),
            # That is what the return of each method means: see harness.protocol.
            "acknowledges": getattr(self._target, "acknowledges", "message" if store else "turn"),
        }

    def _open_session(self, command: Mapping[str, Any]) -> Any:
        session = self._settle(
            self._target.open(
                Path(self._home), command["session_id"], command["settings"], command["tools"]
            )
        )
        if not hasattr(session, "send"):
            kind = type(session).__name__
            raise TypeError(f"open() returns a session with send, history and close, got a {kind}")
        return session

    def _open_store(self, command: Mapping[str, Any]) -> PlainLoop:
        store = self._settle(self._target.open_store(Path(self._home), command["session_id"]))
        if not hasattr(store, "append") or not hasattr(store, "load"):
            kind = type(store).__name__
            raise TypeError(
                f"open_store() returns a store with append, load and close, got a {kind}"
            )
        if self._asker is None:
            raise TypeError("a store needs a way to ask the model: this driver was given none")
        return PlainLoop(
            store,
            command["settings"],
            command["tools"],
            ask=self._asker(),
            settle=self._settle,
            told=self._told,
        )

    def _do_send(self, command: Mapping[str, Any]) -> str:
        send = self._session.send_pinned if command.get("pin") else self._session.send
        before = self._read_so_far()
        text = self._settle(send(command["message_id"], command["text"]))
        self._read = self._read_so_far() - before
        if not isinstance(text, str):
            raise TypeError(f"send() returns the answer as text, got {type(text).__name__}")
        return text

    def _do_read_bytes(self, _command: Mapping[str, Any]) -> int:
        """What the last send() read from files."""
        return self._read

    def _do_history(self, _command: Mapping[str, Any]) -> list[dict[str, Any]]:
        messages = list(self._settle(self._session.history()))
        asked = "load" if isinstance(self._session, PlainLoop) else "history"
        for message in messages:
            if not hasattr(message, "role") or not hasattr(message, "content"):
                kind = type(message).__name__
                raise TypeError(f"{asked}() returns harness.protocol.Message objects, got a {kind}")
        told = [{"role": message.role, "content": message.content} for message in messages]
        json.dumps(told)  # what is not JSON is the target's mistake, said here
        return told

    def _do_checkpoint(self, _command: Mapping[str, Any]) -> dict[str, Any] | None:
        checkpoint = self._settle(self._session.checkpoint())
        if checkpoint is None:
            return None
        return {
            "turn_number": checkpoint.turn_number,
            "tool_state": dict(checkpoint.tool_state or {}),
        }

    def _do_resume(self, _command: Mapping[str, Any]) -> str | None:
        answer: str | None = self._settle(self._session.resume())
        return answer

    def _do_usage(self, _command: Mapping[str, Any]) -> dict[str, Any]:
        return dataclasses.asdict(self._settle(self._session.usage()))

    def _do_close(self, _command: Mapping[str, Any]) -> None:
        self._is_open = False
        self._settle(self._session.close())
        if self._loop is not None:
            self._loop.close()
            self._loop = None

    def _settle(self, value: Any) -> Any:
        if not inspect.isawaitable(value):
            return value
        if self._loop is None:
            self._loop = asyncio.Runner()

        async def wait() -> Any:
            return await value

        return self._loop.run(wait())

    def _plain(self, text: str) -> str:
        """The same words on every machine: no private directory, no address."""
        text = text.replace(self._home, "<home>")
        return _ADDRESS.sub("0x…", text)[:2000]


def _trace(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if frame.filename != __file__]
    return [
        f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.line or ''}".rstrip()
        for frame in theirs[-8:]
    ]
