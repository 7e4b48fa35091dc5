"""What the mock costs beside the SDK itself: ratios measured in one run, never seconds.

Processor time of single calls, the contestants by turns, each one's best: what else the machine is
doing then hardly counts. The table is printed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from harness.doors.reply import Reply
from harness.doors.respx_door import open_door
from harness.doors.transport import DoorTransport
from harness.model.mock import MockModel
from harness.scenario.plan import plan
from harness.scenario.schema import Scenario

pytestmark = pytest.mark.slow

MINUTE_NS = 60_000_000_000
TRANSPORT_MAX = 1.3
RESPX_MAX = 1.45
LONG_MAX = 1.8


class NoClock:
    """No time passes."""

    def sleep_ns(self, delay_ns: int) -> None:
        """Pass."""

    async def asleep_ns(self, delay_ns: int) -> None:
        """Pass."""


class Contest:
    """The same request to a canned reply and to the mock, by turns."""

    def __init__(self, size: int, *, tools: bool) -> None:
        reply: Any = {"words": 60}
        if tools:
            reply = [{"tool": "look", "input": {"at": "the long list"}}, {"words": 60}]
        repeat = {"repeat": 120, "user": {"words": 40}, "reply": reply}
        scenario = Scenario.model_validate({"name": "speed", "script": [repeat]})
        self._plan = plan(scenario, 1)
        self._model = MockModel(self._plan, model=scenario.model, seed=1)
        self._asked = 0
        self.body = {
            "model": "claude-sonnet-5-5",
            "max_tokens": 500,
            "messages": self._history(size),
            "cache_control": {"type": "ephemeral"},
        }

    def _history(self, size: int) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        for turn in self._plan.turns:
            messages.append({"role": "user", "content": turn.user})
            if len(messages) >= size:
                return messages
            for call in turn.calls:
                use = {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}
                result = {"type": "tool_result", "tool_use_id": call.id, "content": "a result"}
                messages.append({"role": "assistant", "content": [use]})
                messages.append({"role": "user", "content": [result]})
            messages.append({"role": "assistant", "content": turn.final_text})
        raise ValueError(f"the script is too short for {size} messages")

    def mock(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        """The model, a minute later each time."""
        self._asked += 1
        return self._model.handle(method, path, headers, body, self._asked * MINUTE_NS)

    def canned(self) -> Callable[..., Reply]:
        """One reply of the model's, again and again."""
        headers = {
            "x-api-key": "test",
            "anthropic-version": "2026-10-21",
            "content-type": "application/json",
        }
        reply = self.mock("POST", "/v1/messages", headers, json.dumps(self.body).encode())
        assert reply.status == 200
        return lambda *_request: reply

    def run(self, rounds: int) -> tuple[float, float, float]:
        """Best milliseconds a call: canned and mock through the transport, mock through respx."""

        def by_transport(handle: Any) -> anthropic.Anthropic:
            transport = DoorTransport(handle, NoClock())
            http = anthropic.DefaultHttpxClient(transport=transport)
            return anthropic.Anthropic(api_key="test", http_client=http)

        clients = (
            by_transport(self.canned()),
            by_transport(self.mock),
            anthropic.Anthropic(api_key="test"),
        )
        best = [float("inf")] * 3
        with open_door(self.mock, NoClock()):
            for _ in range(rounds):
                for number, client in enumerate(clients):
                    best[number] = min(best[number], self._time(client))
        for client in clients:
            client.close()
        return best[0], best[1], best[2]

    def _time(self, client: anthropic.Anthropic) -> float:
        started = time.process_time()
        client.messages.create(**self.body)
        return (time.process_time() - started) * 1000


@pytest.mark.parametrize(
    ("size", "tools", "rounds"), [(1, False, 1500), (199, False, 300), (200, True, 300)]
)
def test_the_mock_costs_little_beside_the_sdk(
    size: int, tools: bool, rounds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    canned, transport, respx = Contest(size, tools=tools).run(rounds)
    figures = (
        f"{size} messages{' with tools' if tools else ''}: canned {canned:.3f} ms, "
        f"transport {transport / canned:.2f}x, respx {respx / canned:.2f}x"
    )
    with capsys.disabled():
        print(f"\n  {figures}")  # noqa: T201 - a benchmark prints its table
    assert transport <= canned * (TRANSPORT_MAX if size < 100 else LONG_MAX), figures
    assert respx <= canned * (RESPX_MAX if size < 100 else LONG_MAX), figures
