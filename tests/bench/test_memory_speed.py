"""What remembering costs in time: a window's turn, a durable append, a restart, and their floors.

Each floor does the same with nothing around it and is measured in the same run, so that the gates
are ratios and exponents; the microseconds are printed.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.lifecycle import CheckpointStore, ConversationCodec, MessageWindow, UsageLedger
from harness.lifecycle.memory.tokens import count_tokens
from harness.lifecycle.storage.durable import seal
from harness.lifecycle.storage.record import Record
from harness.lifecycle.turns.transcript import Transcript

WINDOW_TOKENS = 6_000
TURNS = (100, 1_000, 10_000, 100_000)
LONG = 100_000
TEXTS = [
    f"message number {n} with a few words in it, as people write them. " * 3 for n in range(64)
]
EXPONENT_MAX = 0.05
TURN_US_MAX = 3.0
TIMES_THE_FLOOR_MAX = 1.1
"""Allowed in place of the microseconds where the machine is so slow that the floor needs them."""
APPEND_MAX = 1.2
RESTORE_MAX = 2.0
pytestmark = pytest.mark.slow

Turn = Callable[[int], Any]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print past the capture: a benchmark shows both sides."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"\n  {line}")  # noqa: T201 - a benchmark prints both sides

    return say


def windowed() -> Turn:
    """A turn of the window: push, and get the messages."""
    window = MessageWindow(WINDOW_TOKENS)

    def turn(number: int) -> Any:
        window.push("user" if number % 2 == 0 else "assistant", TEXTS[number & 63])
        return window.as_messages()

    return turn


def floor() -> Turn:
    """A deque and a running sum, with the same counter and marks, and nothing else."""
    held: deque[tuple[int, dict[str, str]]] = deque()
    total = 0

    def turn(number: int) -> Any:
        nonlocal total
        text = TEXTS[number & 63]
        count = count_tokens(text)
        held.append((count, {"role": "user" if number % 2 == 0 else "assistant", "content": text}))
        total += count
        if total > WINDOW_TOKENS:
            while total > 0.6 * WINDOW_TOKENS:
                total -= held.popleft()[0]
        return [message for _, message in held]

    return turn


def microseconds(turn: Turn, turns: int, best_of: int = 1) -> float:
    """A turn's processor time over so many turns, after the window has filled."""
    for number in range(400):
        turn(number)
    times = []
    for _ in range(best_of):
        began = time.process_time()
        for number in range(turns):
            turn(number)
        times.append((time.process_time() - began) / turns * 1e6)
    return min(times)


def test_a_turn_of_the_window_costs_the_same_however_long_the_conversation(
    benchmark: BenchmarkFixture, tell: Callable[[str], None]
) -> None:
    costs = {turns: microseconds(windowed(), turns, max(2, 40_000 // turns)) for turns in TURNS}
    bare = microseconds(floor(), 2_000, 20)
    xs, ys = [math.log(n) for n in costs], [math.log(each) for each in costs.values()]
    exponent = statistics.linear_regression(xs, ys).slope
    fastest = microseconds(windowed(), 2_000, 20)
    turn = windowed()
    numbers = iter(range(10**9))
    benchmark(lambda: turn(next(numbers)))
    told = ", ".join(f"{n}: {each:.2f}" for n, each in costs.items())
    tell(
        f"push + window, us a turn by turns: {told}; exponent {exponent:+.3f}; "
        f"{fastest:.2f} against a bare deque's {bare:.2f} ({fastest / bare:.2f}x)"
    )
    assert exponent <= EXPONENT_MAX
    assert fastest <= max(TURN_US_MAX, TIMES_THE_FLOOR_MAX * bare)


def on_a_disk(folder: Path) -> bool:
    """Whether a folder lies on a disk and not in memory."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [(where, kind) for where, kind in mounts if folder.is_relative_to(where)]
    return max(inside, key=lambda each: len(each[0]))[1] not in ("tmpfs", "ramfs")


def _append_round(
    codec: ConversationCodec, raw: int, line: bytes, text: str
) -> tuple[float, float]:
    """Median seconds of an append, and of a bare write and fsync, taken in turns."""
    ours, bare = [], []
    for _ in range(100):
        began = time.perf_counter()
        os.write(raw, line)
        os.fsync(raw)
        middle = time.perf_counter()
        codec.append("user", text)
        bare.append(middle - began)
        ours.append(time.perf_counter() - middle)
    return statistics.median(ours), statistics.median(bare)


def test_a_durable_append_costs_what_write_and_fsync_cost(
    benchmark: BenchmarkFixture, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    assert on_a_disk(tmp_path), f"{tmp_path} is in memory: run with --basetemp on a disk"
    text = "word " * 100
    raw = os.open(tmp_path / "raw", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with ConversationCodec(tmp_path / "log.jsonl") as codec:
        codec.append("user", text)
        line = (tmp_path / "log.jsonl").read_bytes()
        # Noise only adds: the best of a few rounds, each with its own floor.
        rounds = [_append_round(codec, raw, line, text) for _ in range(5)]
        benchmark.pedantic(codec.append, ("user", text), rounds=50)
    os.close(raw)
    mine, floor_s = min(rounds, key=lambda pair: pair[0] / pair[1])
    tell(
        f"durable append of {len(line)} bytes: {mine * 1e6:.0f} us against {floor_s * 1e6:.0f} us "
        f"of write + fsync ({mine / floor_s:.2f}x)"
    )
    assert mine / floor_s <= APPEND_MAX


def records(turns: range) -> Iterator[Record]:
    """The records that a conversation's turns leave, a cut now and then."""
    usage = {"input_tokens": 400, "output_tokens": 80, "cache_read_tokens": 3000}
    for number in turns:
        at = 2 * number
        yield Record("user", TEXTS[number & 63], f"m{number}", at, at, 70, {"kind": "user"})
        meta = {
            "kind": "assistant",
            "turn": number + 1,
            "stop_reason": "end_turn",
            "usage": {**usage, "cache_write_tokens": 100, "attempts": 1},
            "thought": False,
            "calls": False,
            "final": True,
        }
        content = [{"type": "text", "text": TEXTS[(number + 9) & 63]}]
        yield Record("assistant", content, f"r{at + 1:08d}", at + 1, at + 1, 80, meta)


def transcript() -> Transcript:
    window = MessageWindow(WINDOW_TOKENS, ledger=UsageLedger(), auto=False)
    return Transcript(window, checkpoint_every=3)


def long_session(folder: Path) -> None:
    """A session of 100,000 turns: its log, and the checkpoint of its end."""
    offset = 0
    last: list[Record] = []
    with (folder / "turns.jsonl").open("wb") as log:
        for record in records(range(LONG)):
            line = seal(record.as_json(1)) + b"\n"
            if record.sequence >= 2 * (LONG - 34):
                last.append(Record(**{**vars(record), "offset": offset}))
            log.write(line)
            offset += len(line)
    told = transcript()
    told._turns_before = told.completed = LONG - 34
    for record in last:
        told.apply(record)
    assert told.checkpoint is not None
    assert told.checkpoint.memory is not None
    CheckpointStore(folder / "checkpoint.json").save(told.checkpoint)


def test_a_restart_after_100_000_turns_reads_only_its_tail(
    benchmark: BenchmarkFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tell: Callable[[str], None],
) -> None:
    long_session(tmp_path)
    path = tmp_path / "turns.jsonl"
    stored = CheckpointStore(tmp_path / "checkpoint.json").load()
    assert stored is not None
    assert stored.memory is not None
    offset, sequence = stored.memory["offset"], stored.memory["sequence"]
    # The barrier after which what was read is believed is the disk's time, and no reading.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)

    def ours() -> list[Any]:
        codec = ConversationCodec(path)
        told = transcript()
        assert told.restore(stored, codec.settle(tail=(offset, sequence)))
        codec.close()
        return told.window.as_messages()

    def bare() -> list[Any]:
        window = MessageWindow(WINDOW_TOKENS)
        with path.open("rb") as log:
            log.seek(offset)
            for line in log.read().splitlines():
                record = json.loads(line)
                window.push(record["role"], record["content"])
        return window.as_messages()

    def whole() -> list[Any]:
        return [json.loads(line) for line in path.read_bytes().splitlines()]

    assert ours() == bare()
    mine, floor_s = _by_turns(ours, bare, 60)
    benchmark(ours)
    began = time.process_time()
    assert len(whole()) == 2 * LONG
    all_s = time.process_time() - began
    tell(
        f"restart after {LONG:,} turns: {mine * 1e3:.2f} ms against {floor_s * 1e3:.2f} ms of a "
        f"bare tail read ({mine / floor_s:.2f}x) and {all_s * 1e3:.0f} ms of parsing all of it "
        f"({all_s / mine:,.0f}x)"
    )
    assert mine / floor_s <= RESTORE_MAX
    assert all_s / mine >= 1_000


def _by_turns(first: Callable[[], Any], second: Callable[[], Any], rounds: int) -> Any:
    """The least processor time of each, measured alternately."""
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for kept, work in zip(times, (first, second), strict=True):
            began = time.process_time()
            work()
            kept.append(time.process_time() - began)
    return [min(each) for each in times]
