"""What a turn costs beyond the SDK itself: both sides in one run, on the same requests.

The story is nine hours and 120 turns. The SDK's own cost is measured on the very requests that the
story made, against their own canned replies through the cheapest door. Machines differ and are
noisy, so the gate is a ratio of the two sides' best runs; the milliseconds are printed.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.doors.reply import Frame, Reply
from harness.doors.transport import DoorTransport
from harness.lab import runner
from harness.lab.pool import POOL
from harness.lab.targets import find_target
from harness.record import Header, Record
from harness.scenario.load import load
from harness.scenario.schema import Scenario

STORY = Path(__file__).parents[2] / "scenarios" / "budget" / "bill_does_not_spike.scenario.yaml"
ROUNDS = 5
TIMES_THE_SDK_MAX = 8.0


class _NoTime:
    def sleep_ns(self, delay_ns: int) -> None: ...

    async def asleep_ns(self, delay_ns: int) -> None: ...


def _play(scenario: Scenario, server: Any, home: Path) -> Record:
    record = Record(Header("hx1-t", scenario.dump(), "x", "lifecycle", scenario.seed, "none"))
    home.mkdir()
    runner.run(scenario, record, server, home)
    assert next(record.of("ended"))
    return record


def _sdk_ms(bodies: list[dict[str, Any]]) -> float:
    """The SDK's best time for these requests, in milliseconds a call."""
    import anthropic

    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "word " * 100}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    headers = {"content-type": "application/json"}
    reply = Reply(200, headers, (Frame(0, json.dumps(message).encode()),))
    transport = DoorTransport(lambda *_: reply, _NoTime())
    best = float("inf")
    http = anthropic.DefaultHttpxClient(transport=transport)
    with anthropic.Anthropic(api_key="sk-ant-mock", http_client=http) as client:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for body in bodies:
                client.messages.create(**body)
            best = min(best, time.perf_counter() - began)
    return best / len(bodies) * 1e3


def test_a_turn_costs_little_beyond_the_sdk_itself(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = load(STORY).scenario
    records: list[Record] = []
    spent: list[float] = []
    with POOL.server(find_target("lifecycle"), lambda: False) as server:

        def play() -> None:
            # Where `harness run` plays: in memory, so that no disk is measured.
            home = Path(tempfile.mkdtemp(dir=server.root)) / "home"
            began = time.perf_counter()
            records.append(_play(scenario, server, home))
            spent.append(time.perf_counter() - began)

        # Its own clock, too: with workers the plugin only calls, and measures nothing.
        benchmark.pedantic(play, rounds=ROUNDS, warmup_rounds=1)
        while len(spent) < ROUNDS:
            play()
    bodies = [event.data["body"] for event in records[0].of("request.sent")]
    turns = len(list(records[0].of("reply.delivered")))
    sdk = _sdk_ms(bodies)  # type: ignore[arg-type]
    whole = min(spent) / turns * 1e3
    with capsys.disabled():
        print(  # noqa: T201 - a benchmark prints both sides
            f"\n  a turn {whole:.2f} ms: {sdk * len(bodies) / turns:.2f} ms the SDK itself, "
            f"{whole - sdk * len(bodies) / turns:.2f} ms beyond it (best of {ROUNDS})"
        )
    assert whole / sdk < TIMES_THE_SDK_MAX


def test_an_hours_retry_after_costs_virtual_time_only(tmp_path: Path) -> None:
    def scenario(retry_after: str) -> Scenario:
        fault = {"http": {"turn": 1, "status": 429, "retry_after": retry_after}}
        script = [{"user": "hello", "reply": {"text": "hi"}}]
        return Scenario.model_validate({"name": "x", "script": script, "faults": [fault]})

    with POOL.server(find_target("lifecycle"), lambda: False) as server:
        spent = {}
        for wait in ("1s", "1h"):
            began = time.perf_counter()
            record = _play(scenario(wait), server, tmp_path / wait)
            spent[wait] = (time.perf_counter() - began, record.events[-1].at_ns)
    assert spent["1h"][1] - spent["1s"][1] == 3599 * 10**9
    # An hour that were really waited would be thousands of times a second's scenario.
    assert spent["1h"][0] < 20 * spent["1s"][0]
