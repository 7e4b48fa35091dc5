"""A record as facts: who was killed when, what was answered, remembered and acknowledged.

Everything is read from the record and the scenario in its header; a record that lacks what its
kind of event must carry is a KeyError or TypeError here, which the judge calls a broken check.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from typing import Any, cast

from harness.case import AS_SCRIPTED, BASELINE, TokenError, parse
from harness.checks.evidence.breach import Crash
from harness.checks.evidence.known import once_for_each
from harness.checks.verdict import Tier
from harness.protocol import Message
from harness.record import Event, Record
from harness.scenario.plan import Plan, plan
from harness.scenario.schema import Scenario

CUT_SHORT = ("max_tokens", "model_context_window_exceeded")
"""Why a reply stops that has not come to its end."""
_encode = json.JSONEncoder(sort_keys=True, default=str).encode
_TIERS = ("kill", "ext4", "posix", "real")


@dataclass(frozen=True)
class Answer:
    """One attempt at the model. `turn` is the user turn it fell in, `script_turn` and `step` what
    it was answered from; tokens by the meter's ruler, money in US dollars."""

    event: int
    life: int
    request: int
    turn: int | None
    script_turn: int | None
    step: int | None
    status: int | None
    rule: str | None
    error_message: str | None
    stop_reason: str | None
    fault: int | None
    prompt_tokens: int
    context_window: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost_usd: float
    is_message: bool
    """False for what asks the model nothing, such as counting tokens."""


@dataclass(frozen=True)
class Memory:
    """What the target said it remembers, once: after its n-th crash, at the end, or else."""

    event: int
    messages: tuple[Message, ...]
    after_crash: int | None
    final: bool

    @property
    def told(self) -> str:
        """How a message names it."""
        if self.after_crash is not None:
            return f"the history after crash {self.after_crash}"
        return "the final history" if self.final else "the history"


@dataclass(frozen=True)
class Sending:
    """A user message on its way: from `start` up to and without `end`, both event numbers."""

    turn: int
    life: int
    start: int
    end: int


@dataclass(frozen=True)
class Together:
    """Messages that several processes sent at once: their turns, from `start` up to `end`."""

    turns: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Acknowledgement:
    """An answer to a turn's message, at an event: returned, delivered or from resume()."""

    event: int
    turn: int
    text: str


@dataclass(frozen=True, eq=False)
class Evidence:
    """A record, its scenario and its script, and the facts that several checks ask for."""

    record: Record
    scenario: Scenario
    plan: Plan

    def of(self, *kinds: str) -> Iterator[Event]:
        """The events of these kinds, in order."""
        if len(kinds) == 1:
            return iter(self._by_kind.get(kinds[0], ()))
        found = (self._by_kind.get(kind, ()) for kind in kinds)
        return merge(*found, key=lambda event: event.n)

    @cached_property
    def _by_kind(self) -> Mapping[str, Sequence[Event]]:
        by_kind: defaultdict[str, list[Event]] = defaultdict(list)
        for event in self.record.events:
            by_kind[event.kind].append(event)
        return by_kind

    @cached_property
    def _by_life(self) -> Mapping[int, Sequence[Event]]:
        by_life: defaultdict[int, list[Event]] = defaultdict(list)
        for event in self.record.events:
            by_life[event.life].append(event)
        return by_life

    def in_its_life_after(self, event: Event) -> Sequence[Event]:
        """What else happened in an event's life after it, in order."""
        events = self._by_life[event.life]
        return events[bisect_right(events, event.n, key=lambda each: each.n) :]

    @cached_property
    def swept(self) -> bool:
        """Whether this case is a swept one: its crashes are chosen, not the scripted ones."""
        return self._choice != AS_SCRIPTED

    @property
    def baseline(self) -> bool:
        """Whether this is the recorded run of a sweep: as scripted, but without its deaths."""
        return self._choice == BASELINE

    @cached_property
    def _choice(self) -> str:
        try:
            return parse(self.record.header.token).choice
        except TokenError:
            return AS_SCRIPTED

    @cached_property
    def store(self) -> bool:
        """Whether the target only remembers, and the harness ran the loop."""
        return any(event.data.get("store") is True for event in self.of("opened"))

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """What the target can be asked for beyond the minimum."""
        names: set[str] = set()
        for event in self.of("opened"):
            names.update(cast("list[str]", event.data["capabilities"]))
        return frozenset(names)

    @cached_property
    def options(self) -> frozenset[str]:
        """The names of `stack.options` that the target says it knows."""
        names: set[str] = set()
        for event in self.of("opened"):
            names.update(cast("list[str]", event.data.get("options", ())))
        return frozenset(names)

    @cached_property
    def answers(self) -> tuple[Answer, ...]:
        """Every attempt that reached the model, in order."""
        return tuple(_answer(event) for event in self.of("model.answered"))

    @cached_property
    def answered_turns(self) -> frozenset[int | None]:
        """The turns in which the model answered, and those it answered from."""
        return frozenset(
            turn
            for row in self.answers
            if row.status == 200
            for turn in (row.turn, row.script_turn)
        )

    @cached_property
    def crashes(self) -> tuple[Crash, ...]:
        """Every death, in order."""
        return tuple(_crash(event) for event in self.of("crashed"))

    @cached_property
    def memories(self) -> tuple[Memory, ...]:
        """Every history that was asked for, in order."""
        return tuple(_memory(event) for event in self.of("history"))

    @cached_property
    def sendings(self) -> tuple[Sending, ...]:
        """Every time a user message reached the target, resent ones included."""
        starts = list(self.of("user.received"))
        ends = [*(event.n for event in starts[1:]), len(self.record.events)]
        return tuple(
            Sending(self.turn_of(event), event.life, event.n, end)
            for event, end in zip(starts, ends, strict=False)
        )

    @cached_property
    def together(self) -> tuple[Together, ...]:
        """Every time that several processes wrote to the session at once."""
        ends = [*(event.n for event in self.of("writers.over")), len(self.record.events)]
        return tuple(
            Together(tuple(cast("list[int]", event.data["turns"])), event.n, end)
            for event, end in zip(self.of("writers"), ends, strict=False)
        )

    @cached_property
    def shared_turns(self) -> frozenset[int]:
        """The turns of those messages: what becomes of them is S5's business."""
        return frozenset(turn for each in self.together for turn in each.turns)

    @cached_property
    def returned(self) -> tuple[Acknowledgement, ...]:
        """What send() returned: the target's acknowledgements."""
        return self._acknowledged("reply.returned")

    @cached_property
    def delivered(self) -> tuple[Acknowledgement, ...]:
        """What the user saw."""
        return self._acknowledged("reply.delivered")

    @cached_property
    def interrupted_turns(self) -> frozenset[int | None]:
        """The turns in which the process was killed, or ended by itself."""
        return frozenset(event.turn for event in self.of("crashed", "died"))

    @cached_property
    def fired(self) -> frozenset[int]:
        """The scripted faults that took place, by their index in the scenario."""
        events = self.of("fault.fired", "crashed")
        return frozenset(fault for e in events if isinstance(fault := e.data.get("fault"), int))

    @cached_property
    def bodies(self) -> Mapping[int, object]:
        """Each request's body by the request's number, as it was sent."""
        return {
            number(event.data, "request"): event.data["body"] for event in self.of("request.sent")
        }

    def was_open(self, died: Event) -> bool:
        """Whether a process that ended by itself had opened the session before."""
        return any(event.life == died.life and event.n < died.n for event in self.of("opened"))

    def met_disk_error(self, failed: Event) -> bool:
        """Whether a disk operation of this life failed before: then it must say so, and does."""
        return any(
            event.life == failed.life
            and event.n < failed.n
            and event.data["error"] in ("ENOSPC", "EIO")
            for event in self.of("disk")
        )

    def turn_of(self, event: Event) -> int:
        """The turn of an event that belongs to a user message."""
        if event.turn is not None:
            return event.turn
        ids = {turn.message_id: turn.number for turn in self.plan.turns}
        return ids[str(event.data["message_id"])]

    def crash_before(self, event: int) -> Crash | None:
        """The nearest crash before an event of that number."""
        return next((crash for crash in reversed(self.crashes) if crash.event < event), None)

    def crash_in(self, turn: int | None, before: int | None = None) -> Crash | None:
        """The last crash of a turn (before an event, where given)."""
        return next(
            (
                crash
                for crash in reversed(self.crashes)
                if crash.turn == turn and (before is None or crash.event < before)
            ),
            None,
        )

    def _acknowledged(self, kind: str) -> tuple[Acknowledgement, ...]:
        return tuple(
            Acknowledgement(event.n, self.turn_of(event), str(event.data["text"]))
            for event in self.of(kind)
        )


def gather(record: Record) -> Evidence:
    """Read a record's scenario and work out its script; ValidationError where there is none."""
    scenario = _scenario(record.header.scenario)
    return Evidence(record, scenario, plan(scenario, record.header.seed))


@once_for_each
def _scenario(told: Mapping[str, object]) -> Scenario:
    return Scenario.model_validate(told)


def canonical(value: object) -> str:
    """One writing for equal JSON-like data, whatever the order of its keys."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    return _encode(value)


def number(data: Mapping[str, object], key: str) -> int:
    """The whole number under a key; KeyError or TypeError where there is none."""
    value = data[key]
    if not isinstance(value, int):
        raise TypeError(f"expected a whole number under {key!r}, got {value!r}")
    return value


@once_for_each
def _answer(event: Event) -> Answer:
    row = cast("Mapping[str, Any]", event.data)
    cached = row["cache_creation_input_tokens"] + row["cache_read_input_tokens"]
    return Answer(
        event=event.n,
        life=event.life,
        request=row["request"],
        turn=event.turn,
        script_turn=row.get("turn", event.turn),
        step=row["step"],
        status=row["status"],
        rule=row["rule"],
        error_message=row["error_message"],
        stop_reason=row["stop_reason"],
        fault=row["fault"],
        prompt_tokens=row["prompt_tokens"],
        context_window=row["context_window"],
        input_tokens=row["input_tokens"] + cached,
        cache_read_tokens=row["cache_read_input_tokens"],
        cache_write_tokens=row["cache_creation_input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        is_message=str(row["path"]).split("?")[0].rstrip("/").endswith("/messages"),
    )


def _crash(event: Event) -> Crash:
    tier = event.data.get("tier")
    where = event.data.get("where")
    return Crash(
        event=event.n,
        number=number(event.data, "crash"),
        turn=event.turn,
        at=str(event.data["at"]),
        tier=cast("Tier", tier) if tier in _TIERS else "kill",
        where=str(where) if where else None,
    )


@once_for_each
def _memory(event: Event) -> Memory:
    messages = cast("list[Any]", event.data["messages"])
    after = event.data.get("after_crash")
    return Memory(
        event=event.n,
        messages=tuple(
            item if isinstance(item, Message) else Message(item["role"], item["content"])
            for item in messages
        ),
        after_crash=after if isinstance(after, int) else None,
        final=event.data.get("final") is True,
    )
