"""One model behind three doors, under the real SDK, sync and async alike."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import anthropic
import anyio
import pytest

from harness.doors.reply import NoReply, Reply
from harness.doors.respx_door import open_door
from harness.doors.server import open_server
from harness.doors.transport import DoorTransport
from harness.model.mock import MockModel
from harness.scenario.plan import plan
from harness.scenario.schema import Scenario

SECOND_NS = 1_000_000_000
KEY = "test"


class VirtualClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now_ns = 0

    def sleep_ns(self, delay_ns: int) -> None:
        """Pass at once."""
        self.now_ns += delay_ns

    async def asleep_ns(self, delay_ns: int) -> None:
        """Pass at once, and let others run."""
        self.now_ns += delay_ns
        await asyncio.sleep(0)


class Rig:
    """A model behind a door, and clients of the real SDK on the other side."""

    def __init__(self, door: str, kind: str, model: MockModel, clock: VirtualClock) -> None:
        self.door = door
        self.kind = kind
        self.model = model
        self.clock = clock
        self.slept: list[float] = []
        self.gates: list[str] = []
        self.url: str | None = None

    def handle(self, method: str, path: str, headers: Any, body: bytes) -> Reply | NoReply:
        """The model at the present time."""
        return self.model.handle(method, path, headers, body, self.clock.now_ns)

    def client(self, **options: Any) -> Any:
        """A client of the SDK, of the rig's kind."""
        options = {"api_key": KEY, **options}
        plain = self.kind == "sync"
        if self.door == "transport":
            transport = DoorTransport(self.handle, self.clock)
            if plain:
                options["http_client"] = anthropic.DefaultHttpxClient(transport=transport)
            else:
                options["http_client"] = anthropic.DefaultAsyncHttpxClient(transport=transport)
        elif self.door == "server":
            options["base_url"] = self.url
        return (anthropic.Anthropic if plain else anthropic.AsyncAnthropic)(**options)

    def create(self, messages: Any, *, streamed: bool = False, **fields: Any) -> Any:
        """One message through a client of its own; `options` are the client's."""
        options = fields.pop("options", {})
        asked = {
            "model": "claude-sonnet-5-5",
            "max_tokens": 1000,
            "messages": messages,
            **fields,
        }
        if self.kind == "sync":
            with self.client(**options) as client:
                if not streamed:
                    return client.messages.create(**asked)
                with client.messages.stream(**asked) as stream:
                    return stream.get_final_message()
        return asyncio.run(self._create(asked, options, streamed))

    async def _create(self, asked: Any, options: Any, streamed: bool) -> Any:
        async with self.client(**options) as client:
            if not streamed:
                return await client.messages.create(**asked)
            async with client.messages.stream(**asked) as stream:
                return await stream.get_final_message()

    def call(self, use: Callable[[Any], Any]) -> Any:
        """Whatever else a client can do: `use(client)` returns a result, or something to await."""
        if self.kind == "sync":
            with self.client() as client:
                return use(client)

        async def run() -> Any:
            async with self.client() as client:
                return await use(client)

        return asyncio.run(run())


@contextlib.contextmanager
def _open(rig: Rig) -> Iterator[Rig]:
    if rig.door == "respx":
        with open_door(rig.handle, rig.clock):
            yield rig
    elif rig.door == "server":
        with open_server(rig.handle, rig.clock) as rig.url:
            yield rig
    else:
        yield rig


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Whether the SDK's client is sync or async."""
    kind: str = request.param
    return kind


@pytest.fixture(params=["respx", "transport", "server"])
def door(request: pytest.FixtureRequest) -> str:
    """Which door the model stands behind."""
    door: str = request.param
    return door


@pytest.fixture
def rig(door: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Rig]]:
    """`rig(script, faults)` opens the door; the SDK's own sleeps take virtual time.

    A door is closed at the end of the test; sleeps in seconds are in `rig.slept`.
    """
    with contextlib.ExitStack() as stack:

        def make(script: Sequence[Any], faults: Sequence[Any] = (), **fields: Any) -> Rig:
            scenario = Scenario.model_validate(
                {"name": "a rig", "script": list(script), "faults": list(faults), **fields}
            )
            model = MockModel(
                plan(scenario, 3),
                model=scenario.model,
                faults=list(enumerate(scenario.faults)),
                seed=3,
            )
            rig = Rig(door, kind, model, VirtualClock())
            _virtual_sleeps(rig, monkeypatch)
            return stack.enter_context(_open(rig))

        yield make


def _virtual_sleeps(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(seconds: float) -> None:
        rig.slept.append(seconds)
        rig.clock.now_ns += int(seconds * SECOND_NS)

    async def asleep(seconds: float) -> None:
        sleep(seconds)

    base = anthropic._base_client
    monkeypatch.setattr(
        base, "time", SimpleNamespace(sleep=sleep, time=time.time, time_ns=time.time_ns)
    )
    monkeypatch.setattr(base, "anyio", SimpleNamespace(**{**vars(anyio), "sleep": asleep}))
    monkeypatch.setattr(base, "random", random.Random(0).random)
