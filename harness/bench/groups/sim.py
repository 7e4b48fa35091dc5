"""The lab itself: turns a second, crash states a second, virtual hours a second; more is better.

Beside them the floors, in the same run: the bare SDK on the very requests that the turns made,
through the cheapest door, and a bare copy of a state such as a crash leaves. What is played is
written here and not read from a folder, so that it is the same wherever the package is.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.bench.groups.restore import write_session
from harness.bench.plan import OURS, Case
from harness.bench.stopwatch import Stopwatch
from harness.doors.reply import Frame, Reply
from harness.doors.transport import DoorTransport
from harness.lab.play import play, sweep
from harness.report.result import Result
from harness.scenario.load import Loaded
from harness.scenario.schema import Repeat, Scenario, Step, ToolSpec, Words
from harness.world.disk.lay_down import memory_directory
from harness.world.syscalls.rehearsal import available

SDK = "bare SDK call"
COPY = "bare copy of a state"
TURNS = 120
ROUNDS = 5
STATES = 60
COPIES = 200
UNITS = {"turns": "turns/s", "states": "states/s"}


class _NoTime:
    def sleep_ns(self, delay_ns: int) -> None: ...

    async def asleep_ns(self, delay_ns: int) -> None: ...


def cases(*, peers: bool) -> list[Case]:
    """Turns, with their SDK; states, with their copy."""
    return [Case("sim", OURS, "turns", TURNS), Case("sim", OURS, "states", STATES)]


def day() -> Loaded:
    """Ten hours of talk: 120 turns, five minutes apart, every twelfth with a tool."""
    lines = [
        Repeat(repeat=11, every="5m", user=Words(words=(10, 60)), reply=Step(words=(40, 160))),
        {"wait": "5m"},
        {"user": "Book it.", "reply": [{"tool": "book", "input": {"seats": 2}}, {"text": "Done."}]},
    ] * (TURNS // 12)
    tools = {"book": ToolSpec(returns={"ok": True}, takes="2s", contract="idempotent")}
    return _loaded("a day of turns", lines, tools)


def evening() -> Loaded:
    """Twelve turns whose every crash state is opened."""
    lines = [Repeat(repeat=12, every="5m", user=Words(words=20), reply=Step(words=60))]
    return _loaded("an evening of states", lines, {})


def _loaded(name: str, script: Sequence[Any], tools: Mapping[str, Any]) -> Loaded:
    told = {"name": name, "seed": 11, "stack": {"window_tokens": 8_000}, "tools": tools}
    return Loaded(f"bench/{name}", Scenario.model_validate({**told, "script": list(script)}))


def sdk_seconds(bodies: Sequence[Mapping[str, Any]]) -> float:
    """The SDK's best time for these requests, against a canned reply."""
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
    frames = (Frame(0, json.dumps(message).encode()),)
    reply = Reply(200, {"content-type": "application/json"}, frames)
    http = anthropic.DefaultHttpxClient(transport=DoorTransport(lambda *_: reply, _NoTime()))
    best = float("inf")
    with anthropic.Anthropic(api_key="sk-ant-mock", http_client=http) as client:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for body in bodies:
                client.messages.create(**body)
            best = min(best, time.perf_counter() - began)
    return best


def _measure_turns(stopwatch: Stopwatch) -> None:
    told = day()
    play([told])
    results: list[Result] = []

    def once() -> None:
        results.extend(play([told]).results)

    stopwatch.rounds(once, ROUNDS)
    assert all(result.outcome == "pass" for result in results), results[0].verdict
    fastest = min(results, key=lambda result: result.wall_s)
    bodies: list[Any] = [event.data["body"] for event in fastest.record.of("request.sent")]
    sdk = sdk_seconds(bodies)
    unit = UNITS["turns"]
    beyond = (fastest.wall_s - sdk) / TURNS * 1e3
    note = f"{len(bodies)} requests; {beyond:.1f} ms a turn beyond the SDK itself"
    stopwatch.row(TURNS / fastest.wall_s, unit, note)
    stopwatch.row(TURNS / sdk, unit, subject=SDK)
    hours = fastest.verdict.numbers.virtual_s / 3_600
    stopwatch.row(hours / fastest.wall_s, "virtual hours/s", workload="virtual time")


def _measure_states(stopwatch: Stopwatch) -> None:
    works, why = available()
    if not works:
        stopwatch.row(None, UNITS["states"], f"not measured: {why}")
        return
    told = evening()
    began = time.perf_counter()
    result = stopwatch.once(lambda: sweep(told, tiers=("kill", "ext4"), states_max=STATES))
    spent = time.perf_counter() - began
    states = sum(each.judged for each in result.states.values())
    assert result.outcome == "pass", result.verdict
    stopwatch.row(
        states / spent, UNITS["states"], f"{states} states, each opened, talked to, judged"
    )
    stopwatch.row(1 / _copy_seconds(), UNITS["states"], subject=COPY)


def _copy_seconds() -> float:
    """A copy of what a crash leaves, in memory as the lab lays it down."""
    with tempfile.TemporaryDirectory(prefix="harness-bench-", dir=memory_directory()) as folder:
        state = Path(folder) / "state"
        state.mkdir()
        write_session(state, 12)
        began = time.perf_counter()
        for number in range(COPIES):
            shutil.copytree(state, Path(folder) / str(number))
        return (time.perf_counter() - began) / COPIES


@pytest.mark.filterwarnings("ignore")
def test_sim(case: Case, stopwatch: Stopwatch) -> None:
    """The lab's turns, or its states."""
    (_measure_turns if case.workload == "turns" else _measure_states)(stopwatch)
