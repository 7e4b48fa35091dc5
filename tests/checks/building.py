"""Records built by hand: two stories, a perfect conversation for any of them, ways to spoil it.

`perfect` plays an honest, durable stack event by event, with crashes where they are asked for;
`edited` changes the events of a record afterwards and numbers them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.case import Case, scenario_hash, target_hash
from harness.record import Event, Header, Record
from harness.scenario.plan import PlannedCall, PlannedStep, Turn, plan
from harness.scenario.schema import Scenario

WINDOW = 8000
CONTRACTS = ("idempotent", "at_most_once", "at_least_once")
SECOND = 1_000_000_000


class _Killed(Exception):
    """The honest stack died before an event."""


@dataclass
class Honest:
    """An honest stack and its world. `kill_at` are stroke numbers at which it dies.

    Strokes are the events at which a death can fall, numbered from 0 over the whole run.
    """

    scenario: Scenario
    kill_at: frozenset[int] = frozenset()
    capabilities: tuple[str, ...] = ("checkpoint", "window")
    store: bool = False
    choice: str = "s"
    record: Record = field(init=False)
    life: int = 0
    strokes: int = 0
    crashes: int = 0
    requests: int = 0
    memory: list[dict[str, Any]] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)
    done: dict[str, int] = field(default_factory=dict)
    fired: set[int] = field(default_factory=set)
    delivered: int = 0
    points: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        data = self.scenario.dump()
        case = Case(scenario_hash(data), target_hash("honest"), self.scenario.seed, self.choice)
        self.record = Record(
            Header(case.token, data, "honest.scenario.yaml", "honest", self.scenario.seed, "none")
        )

    def play(self) -> Record:
        """The whole script, from the first life to the end."""
        self.turn: Turn | None = None
        self.start()
        for turn in plan(self.scenario, self.scenario.seed).turns:
            self.turn, sending = turn, 0
            while self.delivered < turn.number:
                sending += 1
                try:
                    self.speak(turn, sending)
                except _Killed:
                    self.start()
        self.turn = None
        self.remember(after_crash=None, final=True)
        if "usage" in self.capabilities:
            self.event("usage", **self.books())
        self.event("closed")
        self.event("ended")
        return self.record

    def books(self) -> dict[str, int]:
        """What it was billed for every reply that it remembers, and how often it asked."""
        replies = sum(message["role"] == "assistant" for message in self.memory)
        return {
            "input_tokens": 40 * replies,
            "output_tokens": 20 * replies,
            "cache_read_tokens": 50 * replies,
            "cache_write_tokens": 10 * replies,
            "attempts": self.requests,
        }

    def start(self) -> None:
        """A life begins; after a death, the target is asked what it remembers."""
        self.life += 1
        self.event("life.started")
        self.event("opened", capabilities=list(self.capabilities), store=self.store)
        if self.crashes:
            self.remember(after_crash=self.crashes, final=False)
            if "resume" in self.capabilities:
                self.event("resumed", answer=None, after_crash=self.crashes)

    def remember(self, *, after_crash: int | None, final: bool) -> None:
        """The history and the checkpoint, as the harness asks for them."""
        messages = [dict(message) for message in self.memory]
        self.event("history", messages=messages, after_crash=after_crash, final=final)
        if "checkpoint" in self.capabilities:
            saved = self.delivered // 3 * 3 or None
            self.event(
                "checkpoint", turn_number=saved, tool_state=dict(self.done), after_crash=after_crash
            )

    def speak(self, turn: Turn, sending: int) -> None:
        """One sending of a turn's message, up to the delivery of its answer."""
        who = {"message_id": turn.message_id}
        self.stroke("user.received", **who, text=turn.user, sending=sending)
        mine = self.of_turn(turn)
        if not mine:
            self.memory.append({"role": "user", "content": turn.user})
        for index, step in enumerate(turn.steps):
            said = [m for m in self.of_turn(turn) if m["role"] == "assistant"]
            if len(said) <= index:
                self.ask(turn, index, step)
            if step.calls and not self.has_results(turn, index):
                results = [self.use(call) for call in step.calls]
                self.memory.append({"role": "user", "content": results})
        self.stroke("reply.returned", **who, text=turn.final_text)
        self.stroke("reply.delivered", **who, text=turn.final_text)
        self.delivered = turn.number

    def ask(self, turn: Turn, index: int, step: PlannedStep) -> None:
        """One model call that is answered from the script, after the faults that stand before."""
        for fault, scripted in enumerate(self.scenario.faults):
            http = scripted.http
            if http and http.turn == turn.number and fault not in self.fired:
                self.fired.add(fault)
                for _ in range(http.times):
                    self.request(turn, index, step, status=http.status, fault=fault)
                self.event("fault.fired", fault=fault, what="http")
        request = self.request(turn, index, step)
        self.stroke("reply.started", request=request)
        self.stroke("reply.received", request=request)
        self.memory.append({"role": "assistant", "content": blocks(step)})

    def request(self, turn: Turn, index: int, step: PlannedStep, **row: Any) -> int:
        """A request and its ledger row."""
        self.requests += 1
        body = {"messages": [dict(message) for message in self.memory]}
        self.stroke(
            "request.sent", request=self.requests, method="POST", path="/v1/messages", body=body
        )
        self.stroke("model.answered", **ledger_row(self.requests, turn, index, step, **row))
        return self.requests

    def use(self, call: PlannedCall) -> dict[str, Any]:
        """One tool call, kept to its contract through deaths by a journal of intents."""
        spec = self.scenario.tools[call.name]
        what = {"call_id": call.id, "name": call.name, "input": dict(call.input)}
        if not (spec.contract == "at_most_once" and call.id in self.begun):
            self.stroke("tool.called", **what, contract=spec.contract)
            self.begun.add(call.id)
            fresh = spec.contract != "idempotent" or call.id not in self.done
            self.stroke("tool.effect", **what, result={}, fresh=fresh)
            self.done[call.id] = self.done.get(call.id, 0) + 1
            self.stroke("tool.done", call_id=call.id, name=call.name)
        return {"type": "tool_result", "tool_use_id": call.id, "content": "{}"}

    def of_turn(self, turn: Turn) -> list[dict[str, Any]]:
        """What it remembers of a turn: everything from the turn's own user text on."""
        starts = [i for i, m in enumerate(self.memory) if isinstance(m["content"], str)]
        return self.memory[starts[turn.number - 1] :] if len(starts) >= turn.number else []

    def has_results(self, turn: Turn, index: int) -> bool:
        """Whether the results of a step's calls are remembered."""
        wanted = sum(bool(step.calls) for step in turn.steps[: index + 1])
        got = [m for m in self.of_turn(turn)[1:] if m["role"] == "user"]
        return len(got) >= wanted

    def stroke(self, kind: str, **data: Any) -> None:
        """An event at which the process may die: then it does not take place."""
        assert self.turn is not None
        fault = self.scripted(kind)
        self.points.append((self.turn.number, kind))
        if self.strokes in self.kill_at or fault is not None:
            self.crashes += 1
            if fault is not None:
                self.fired.add(fault)
                self.event("fault.fired", fault=fault, what=f"crash at {kind}")
            where = f"honest.py:{self.strokes}"
            crash = {"crash": self.crashes, "fault": fault, "where": where}
            self.event("crashed", at=kind, tier="kill", **crash)
            self.strokes += 1
            raise _Killed
        self.strokes += 1
        self.event(kind, **data)

    def scripted(self, kind: str) -> int | None:
        """The scripted crash that waits for this event, if one does."""
        for index, fault in enumerate(self.scenario.faults):
            crash = fault.crash
            here = self.turn.number if self.turn else None
            if crash and crash.turn == here and crash.at == kind and index not in self.fired:
                return index
        return None

    def event(self, kind: str, **data: Any) -> None:
        """Append to the record; an answered row brings its own `turn`, as the ledger has it."""
        n, turn = len(self.record.events), self.turn.number if self.turn else None
        self.record.events.append(Event(n, n * SECOND, self.life, turn, kind, data))


def blocks(step: PlannedStep) -> list[dict[str, Any]]:
    """A step's reply as content blocks."""
    text = [{"type": "text", "text": step.text}] if step.text else []
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.input)}
        for call in step.calls
    ]
    return [*text, *calls]


def ledger_row(
    request: int, turn: Turn, index: int, step: PlannedStep, **changes: Any
) -> dict[str, Any]:
    """The ledger's row for a request that a script step answers."""
    status = changes.pop("status", 200)
    row: dict[str, Any] = {
        "request": request,
        "n": request,
        "path": "/v1/messages",
        "status": status,
        "error_type": None if status == 200 else "overloaded_error",
        "error_message": None if status == 200 else "Overloaded",
        "rule": None,
        "model": "claude-sonnet-5-5",
        "messages": 1,
        "prompt_tokens": 100,
        "max_tokens": 1000,
        "context_window": WINDOW,
        "input_tokens": 40,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 50,
        "output_tokens": 20,
        "cost_usd": 0.01,
        "stop_reason": "tool_use" if step.calls else "end_turn",
        "turn": turn.number,
        "step": index,
        "fault": None,
        "stream": False,
        "request_id": f"req_{request}",
    }
    return row | changes


def perfect(scenario: Scenario, *kill_at: int, **options: Any) -> Record:
    """A record of an honest stack; `kill_at` are the strokes at which it dies."""
    return Honest(scenario, frozenset(kill_at), **options).play()


def dying(scenario: Scenario, turn: int, at: str, **options: Any) -> Record:
    """A record of an honest stack that dies at the first event of a kind in a turn."""
    rehearsal = Honest(scenario, **options)
    rehearsal.play()
    return perfect(scenario, rehearsal.points.index((turn, at)), **options)


def edited(record: Record, change: Callable[[Event], Iterable[Event]]) -> Record:
    """A copy of a record with each event replaced by what `change` makes of it."""
    events = [new for event in record.events for new in change(event)]
    return Record(record.header, [replace(event, n=n) for n, event in enumerate(events)])


def changed(record: Record, kind: str, nth: int = 0, **data: Any) -> Record:
    """A copy in which the nth event of a kind (-1: the last) carries other data."""
    chosen = list(record.of(kind))[nth]
    return edited(
        record,
        lambda e: [replace(e, data={**e.data, **data})] if e is chosen else [e],
    )


def without(record: Record, kind: str, nth: int | None = None) -> Record:
    """A copy without the nth event of a kind, or without any of that kind."""
    found = list(record.of(kind))
    chosen = found if nth is None else [found[nth]]
    return edited(record, lambda e: [] if any(e is gone for gone in chosen) else [e])


def after(record: Record, kind: str, nth: int, *new: tuple[str, Mapping[str, Any]]) -> Record:
    """A copy with new events, (kind, data), right after the nth of a kind, in its turn and life."""
    chosen = list(record.of(kind))[nth]

    def change(event: Event) -> Iterator[Event]:
        yield event
        if event is chosen:
            for new_kind, data in new:
                yield replace(event, kind=new_kind, data=data)

    return edited(record, change)


def with_history(
    record: Record, nth: int, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> Record:
    """A copy in which the nth history (-1: the final one) is changed."""
    messages: Any = list(record.of("history"))[nth].data["messages"]
    return changed(record, "history", nth, messages=change([dict(m) for m in messages]))


def rows_changed(record: Record, **row: Any) -> Record:
    """A copy in which every ledger row carries other data."""
    return edited(
        record,
        lambda e: [replace(e, data={**e.data, **row})] if e.kind == "model.answered" else [e],
    )


def chat(turns: int = 4, **more: Any) -> Scenario:
    """A conversation without tools, every text different."""
    script = [
        {"user": f"Question number {n}?", "reply": {"text": f"Answer number {n}."}}
        for n in range(1, turns + 1)
    ]
    return Scenario.model_validate({"name": "a chat", "script": script, **more})


def booking(contract: str = "at_most_once", **more: Any) -> Scenario:
    """Three turns, the second of which books a table."""
    script = [
        {"user": "Are you there?", "reply": {"text": "Yes."}},
        {
            "user": "Book us a table",
            "reply": [
                {"text": "One moment.", "tool": "book_table", "input": {"seats": 2}},
                {"text": "Done."},
            ],
        },
        {"user": "Thank you", "reply": {"text": "You are welcome."}},
    ]
    tools = {"book_table": {"contract": contract}}
    data = {"name": "a booking", "script": script, "tools": tools, **more}
    return Scenario.model_validate(data)
