"""Death at every door: the disk, the model, the tools.

`Doors` numbers each crossing of a run. Told to die at one, it raises `Killed` there, and from then
on every door stays shut, so nothing is tidied up after the death.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.lifecycle.fake_claude import FakeClaude, Killed, calls, says, stops


class Doors:
    """Counts crossings; dies at number `death`. With `torn`, a write dies half done."""

    def __init__(self, death: int | None = None, *, torn: bool = False) -> None:
        self.death = death
        self.torn = torn
        self.crossed = 0
        self.names: list[str] = []
        self.dead = False
        self.synced: dict[str, int] = {}

    def cross(self, name: str) -> bool:
        """Go through a door; True where this is the one to die in."""
        if self.dead:
            raise Killed
        self.crossed += 1
        self.names.append(name)
        self.dead = self.crossed == self.death
        return self.dead

    @contextlib.contextmanager
    def on_disk(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """The disk's doors are ours within this block."""
        with monkeypatch.context() as patch:
            for name in ("write", "fsync", "replace", "ftruncate", "mkdir"):
                patch.setattr(os, name, self._wrapped(name, getattr(os, name)))
            yield

    def _wrapped(self, name: str, real: Any) -> Any:
        def door(*args: Any, **kwargs: Any) -> Any:
            if self.cross(name):
                if name == "write" and self.torn:
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                raise Killed
            if name != "fsync":
                return real(*args, **kwargs)
            # What matters of an fsync here is that it came, not that the test's disk is slow.
            self.synced[os.readlink(f"/proc/self/fd/{args[0]}")] = os.fstat(args[0]).st_size
            return None

        return door


class World:
    """What outlives the process: tool effects and the model."""

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.doors = Doors()
        self.claude = FakeClaude(self._reply)
        self.messages = self
        self.tools = [WorldTool(self, c) for c in ("idempotent", "at_most_once", "at_least_once")]

    def create(self, **request: Any) -> Any:
        """The model's door: death before the request leaves, or after it was answered."""
        if self.doors.cross("request"):
            raise Killed
        message = self.claude.create(**request)
        if self.doors.cross("reply"):
            raise Killed
        return message

    @staticmethod
    def _reply(request: dict[str, Any]) -> Any:
        """Chosen from the history alone, so a retry gets the same again."""
        since: list[Any] = []
        turn = ""
        for message in request["messages"]:
            for block in message["content"]:
                if block["type"] == "text" and message["role"] == "user":
                    if block["text"].startswith("turn"):
                        turn, since = block["text"], []
                    elif block["text"] == "Continue.":
                        since.append("continue")
            if message["role"] == "assistant":
                since.append("assistant")
        step = since.count("assistant")
        if turn.endswith("tools"):
            number = turn.split()[1]
            if step == 0:
                return calls(
                    *((f"{number}-{c}", c, {}) for c in ("idempotent", "at_most_once")),
                    text="Let me see.",
                )
            if step == 1:
                return calls((f"{number}-3", "at_least_once", {}))
        if turn.endswith("long") and step == 0:
            return says(f"{turn}: half, ", stop="max_tokens")
        if turn.endswith("refused"):
            return stops("refusal")
        return says(f"{turn}: whole.")


class WorldTool:
    """A tool whose effect happens in the world; it can die before and after it."""

    def __init__(self, world: World, contract: Any) -> None:
        self.name = contract
        self.contract = contract
        self.description = "An effect."
        self.input_schema: Mapping[str, Any] = {"type": "object"}
        self._world = world

    def __call__(self, arguments: Mapping[str, Any], *, call_id: str | None = None) -> Any:
        assert call_id is not None
        if self._world.doors.cross(f"{self.name} before"):
            raise Killed
        if self.contract != "idempotent" or call_id not in self._world.keys:
            self._world.effects[call_id] += 1
        self._world.keys.add(call_id)
        if self._world.doors.cross(f"{self.name} after"):
            raise Killed
        return {"done": call_id}
