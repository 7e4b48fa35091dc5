"""The gates hold for the stack as it is, and each deliberate slowdown trips its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.bench.gates import GATES, Stack, baseline, counted, judge, measure
from harness.lifecycle import ConversationCodec, MessageWindow
from harness.lifecycle.storage.record import Record


class QuadraticTrim(MessageWindow):
    """Adds up everything there ever was at each push."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.everything: list[int] = []

    def push(self, role: str, content: Any, *arguments: Any, **named: Any) -> None:
        self.everything.append(len(content))
        assert sum(self.everything) > 0
        super().push(role, content, *arguments, **named)


class Recount(MessageWindow):
    """Counts all that it holds whenever it is asked for it."""

    def as_messages(self) -> list[dict[str, Any]]:
        messages = super().as_messages()
        assert sum(self._counter(message["content"]) for message in messages) > 0
        return messages


class WholeRead(ConversationCodec):
    """Reads all of the log where the tail was asked for."""

    def settle(self, *, tail: tuple[int, int] | None = None) -> list[Record]:
        return super().settle()


class OneFsyncMore(ConversationCodec):
    """Makes sure twice."""

    def append(self, *arguments: Any, **named: Any) -> Record:
        record = super().append(*arguments, **named)
        assert self._descriptor is not None
        os.fsync(self._descriptor)
        return record


def test_the_stack_is_within_its_baseline() -> None:
    assert judge(measure(), baseline()) == []


@pytest.mark.parametrize(
    ("slow", "gate", "told"),
    [
        (Stack(window=QuadraticTrim), "window.growth", "a turn after 6,000 turns over one after"),
        (Stack(window=Recount), "window.counted", "characters counted for each character pushed"),
        (Stack(codec=WholeRead), "restore.bytes", "bytes read at a restart"),
        (Stack(codec=OneFsyncMore), "append.fsyncs", "fsyncs an append went from 1 to 2 (+100%"),
    ],
    ids=["quadratic trim", "recount", "whole read", "one fsync more"],
)
def test_a_deliberate_slowdown_trips_its_gate(slow: Stack, gate: str, told: str) -> None:
    said = [line for line in judge(measure(slow), baseline()) if line.startswith(f"{gate}:")]
    assert len(said) == 1
    assert told in said[0]
    assert "is let through" in said[0]


def test_each_gate_has_a_number_in_the_baseline_and_none_is_left_over() -> None:
    assert baseline().keys() == {gate.name for gate in GATES}


def test_calls_of_the_stack_and_of_the_system_are_counted(tmp_path: Path) -> None:
    with ConversationCodec(tmp_path / "log.jsonl") as codec:
        codec.append("user", "hello")
        found = counted(lambda: codec.append("user", "again"))
    assert (found["fsync"], found["write"]) == (1, 1)
    assert 3 < found["calls"] < 30
    assert not counted(lambda: sorted([2, 1]))
