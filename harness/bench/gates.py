"""The gates: what our own operations do, counted, against a stored baseline; CI runs them.

Counts do not depend on the machine or on who else is using it: calls of our own functions, texts
and characters counted, bytes read, writes, fsyncs. What no count shows, a sum over all of history
within one C call for example, shows as growth: processor time a turn of a long conversation over
that of a short one, both in this run. `python -m harness.bench.gates` writes the baseline anew; a
changed one is to be explained in its commit.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import Any

from harness.bench.plan import WINDOW_TOKENS
from harness.bench.talk import turns
from harness.lifecycle import ConversationCodec, MessageWindow
from harness.lifecycle.memory.tokens import count_tokens

TURNS = 400
SHORT, LONG = 300, 6_000
ROUNDS = 7
LOG_TURNS = 3_000
TAIL_TURNS = 20


@dataclass(frozen=True)
class Stack:
    """The parts that are gated; a test puts slower ones in their place."""

    window: Callable[..., MessageWindow] = MessageWindow
    codec: Callable[..., ConversationCodec] = ConversationCodec


@dataclass(frozen=True)
class Gate:
    """One number of the baseline: what it is called, and by what share it may grow."""

    name: str
    what: str
    tolerance: float


GATES = (
    Gate("window.calls", "calls of our own functions a turn of the window", 0.10),
    Gate("window.counted", "characters counted for each character pushed", 0.0),
    Gate("window.growth", f"a turn after {LONG:,} turns over one after {SHORT}", 1.0),
    Gate("append.calls", "calls of our own functions an append", 0.10),
    Gate("append.fsyncs", "fsyncs an append", 0.0),
    Gate("append.writes", "writes an append", 0.0),
    Gate("restore.calls", "calls of our own functions a restart", 0.10),
    Gate("restore.bytes", "bytes read at a restart, over those of the tail", 0.10),
)


def measure(stack: Stack | None = None) -> dict[str, float]:
    """Every gate's number."""
    stack = stack or Stack()
    with tempfile.TemporaryDirectory(prefix="harness-gates-") as folder:
        return {**_window(stack), **_append(stack, Path(folder)), **_restore(stack, Path(folder))}


def judge(measured: Mapping[str, float], baseline: Mapping[str, float]) -> list[str]:
    """What has grown beyond its tolerance, one sentence each: what changed, and by how much."""
    said = []
    for gate in GATES:
        was, now = baseline[gate.name], measured[gate.name]
        most = was * (1 + gate.tolerance)
        if now > most + 1e-9:
            more = f"{now / was - 1:+.0%}" if was else "there were none"
            said.append(
                f"{gate.name}: {gate.what} went from {was:g} to {now:g} ({more}; at most {most:g} "
                "is let through)"
            )
    return said


def baseline() -> dict[str, float]:
    """The stored numbers."""
    stored: dict[str, float] = json.loads(_BASELINE.read_text(encoding="utf-8"))
    return stored


_BASELINE = Path(str(files("harness.bench") / "baseline.json"))
_OURS = os.path.join("harness", "lifecycle", "")


def counted(work: Callable[[], Any]) -> Counter[str]:
    """What some work called: functions of the stack as `calls`, the system by its calls' names."""
    found: Counter[str] = Counter()

    def look(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            # A comprehension is a call in one Python and none in the next.
            if _OURS in frame.f_code.co_filename and frame.f_code.co_name[0] != "<":
                found["calls"] += 1
        elif event == "c_call" and argument.__module__ == "posix":
            found[argument.__name__] += 1

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found


def _talker(window: MessageWindow) -> Callable[[int, int], None]:
    def talk(number: int, first: int) -> None:
        for user, assistant in turns(number, first):
            window.push("user", user)
            window.push("assistant", assistant)
            window.as_messages()

    return talk


def _window(stack: Stack) -> dict[str, float]:
    seen = 0

    def counter(text: str) -> int:
        nonlocal seen
        seen += len(text)
        return count_tokens(text)

    talk = _talker(stack.window(WINDOW_TOKENS, counter))
    talk(TURNS, 0)
    seen = 0
    calls = counted(lambda: talk(TURNS, TURNS))["calls"]
    pushed = sum(len(user) + len(assistant) for user, assistant in turns(TURNS, TURNS))
    return {
        # The counter above is not the stack's, but what it calls is.
        "window.calls": round(calls / TURNS, 2),
        "window.counted": round(seen / pushed, 3),
        "window.growth": round(_growth(stack), 2),
    }


def _growth(stack: Stack) -> float:
    """The least time of a batch late in a conversation over the least of one early in another."""
    late = _talker(stack.window(WINDOW_TOKENS))
    late(LONG, 0)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        early = _talker(stack.window(WINDOW_TOKENS))
        early(SHORT, 0)
        for talk, kept in ((early, times[0]), (late, times[1])):
            began = time.process_time()
            talk(100, 0)
            kept.append(time.process_time() - began)
    return max(1.0, min(times[1]) / min(times[0]))


def _append(stack: Stack, folder: Path) -> dict[str, float]:
    said = [text for turn in turns(TURNS // 2) for text in turn]
    with stack.codec(folder / "append.jsonl") as codec:
        codec.append("user", "hello")
        found = counted(lambda: [codec.append("user", text) for text in said])
    syncs = found["fsync"] + found["fdatasync"]
    return {
        "append.calls": round(found["calls"] / len(said), 2),
        "append.fsyncs": round(syncs / len(said), 3),
        "append.writes": round((found["write"] + found["pwrite"]) / len(said), 3),
    }


def _restore(stack: Stack, folder: Path) -> dict[str, float]:
    path = folder / "restore.jsonl"
    with ConversationCodec(path, batch=100) as codec:
        records = [
            codec.append(role, text)
            for turn in turns(LOG_TURNS)
            for role, text in zip(("user", "assistant"), turn, strict=True)
        ]
    first = records[-2 * TAIL_TURNS]
    tail = path.stat().st_size - first.offset
    codec = stack.codec(path)
    before = _bytes_read()
    found = counted(lambda: codec.settle(tail=(first.offset, first.sequence)))
    read = _bytes_read() - before
    codec.close()
    return {"restore.calls": found["calls"], "restore.bytes": round(read / tail, 2)}


def _bytes_read() -> int:
    """Bytes that this process has read, of whatever kind."""
    text = Path("/proc/self/io").read_text(encoding="ascii")
    return int(text.split("rchar: ")[1].split()[0])


if __name__ == "__main__":
    _BASELINE.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"wrote {_BASELINE}\n")
