"""The stage: what a life's messages meet. Records each crossing, asks the model and the tools.

Every scripted death waits here until its turn and boundary come. A death at a boundary means: that
crossing was about to take effect and does not; so the death is looked up before the crossing is
recorded or carried out. A death at `*.stored` is looked up then too: the crossing ends the stretch
of disk operations that it falls in. The model and the tools outlive every life.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from harness.channel import to_text
from harness.doors.reply import NoReply
from harness.lab.faults.deaths import Death, fits, torn_at
from harness.lab.faults.failures import DISK_ERRORS, DiskError, Failure, failing
from harness.lab.faults.stored import Stretch
from harness.model.mock import MockModel
from harness.model.request import read_json
from harness.record import Record
from harness.scenario.plan import Plan
from harness.world.clock import VirtualClock
from harness.world.process import Die
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Go, Torn
from harness.world.syscalls.recorder import Die as DieHere
from harness.world.tools import ToolShed

ATTEMPTS_PER_TURN_MAX = 200
OVERDUE = (
    "one user message took more than 48 virtual hours; a longer pause is a `wait` of the script"
)
STRAYS_MAX = 50
"""Different strays told a case; more say nothing new."""
_REPLY_BOUNDARIES = frozenset({"reply.started", "reply.received"})
_NO_CROSSING = ("disk", "fault.fired")
Staged = TypeVar("Staged", bound="Stage")


class Stage:
    """One case's world, as the life's messages see it. `turn` and `life` are set by the runner."""

    def __init__(
        self,
        record: Record,
        clock: VirtualClock,
        model: MockModel,
        shed: ToolShed,
        deaths: list[Death],
        failures: list[Failure] | None = None,
        plan: Plan | None = None,
    ) -> None:
        self.turn: int | None = None
        self.life = 0
        self.dying: Death | None = None
        self.limit_hit = False
        self.limit: Mapping[str, Any] | None = None
        self.counts_reads = False
        self.disk_error: DiskError | None = None
        self.capabilities: Sequence[str] = ()
        self.remembers_only = False
        self.operations: Sequence[Operation] = ()
        self._record = record
        self._clock = clock
        self._model = model
        self._shed = shed
        self._deaths = deaths
        self._failures = failures or []
        self._erred: int | None = None
        self._plan = plan
        self._stretch = Stretch("", 0)
        self._operations: Counter[tuple[int | None, str]] = Counter()
        self._fired: set[int] = set()
        self._strays: set[str] = set()
        self._requests = itertools.count()
        self._attempts: Counter[int | None] = Counter()
        self._calls: Counter[int | None] = Counter()

    def copy(self, kind: type[Staged], clock: VirtualClock) -> Staged:
        """Another stage in the same state, with a record of its own, where no fault waits."""
        shed = ToolShed(self._shed.specs)
        shed.effects.extend(self._shed.effects)
        other = kind(Record(self._record.header), clock, self._model.copy(), shed, [])
        other.turn, other.life = self.turn, self.life
        return other

    def beside(self, kind: type[Staged]) -> Staged:
        """The same stage with a turn and a life of its own: for another process in this case."""
        other = kind.__new__(kind)
        other.__dict__.update(self.__dict__)
        return other

    def go_on(self, lives: int, requests: int) -> None:
        """Count on from so many."""
        self.life = lives
        self._requests = itertools.count(requests)

    def record(self, kind: str, data: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Add an event, here and now."""
        self._add(kind, {**(data or {}), **more}, self._clock.elapsed_ns)

    def _add(self, kind: str, data: Mapping[str, Any], at_ns: int) -> None:
        # Most cases have no deaths, and thousands a minute go through here.
        if (
            self._deaths
            and kind not in _NO_CROSSING
            and any(death.stored for death in self._deaths)
        ):
            words = self._words(kind, data)
            self._stretch = Stretch(kind, len(self.operations), words)
        self._record.add(kind, data, at_ns=at_ns, life=self.life, turn=self.turn)

    def answer(self, call: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Answer one message of the life, None where it awaits none; Die where a death is scripted
        or a bound is hit."""
        answer: Mapping[str, Any] | None = getattr(self, f"_on_{call['call']}")(call)
        return answer

    def decide(self, operation: Operation) -> Decision:
        """What becomes of a disk operation: it takes effect, it fails, or it is the end."""
        name = f"{operation.to or operation.path}"
        for death in self._deaths:
            kind, _, pattern = death.at.partition(" ")
            if pattern and death.turn == self.turn and kind == operation.kind:
                if not fits(name, pattern):
                    continue
                self._operations[self.turn, death.at] += 1
                if self._operations[self.turn, death.at] == death.call:
                    self._deaths.remove(death)
                    self.dying = death
                    return self._dying(death, operation)
        failure = next(
            (f for f in self._failures if (f.turn, f.on) == (self.turn, operation.kind)), None
        )
        size = len(operation.data) or operation.size
        error = None if failure is None else failure.error
        if self.disk_error is not None and self.disk_error.hits(len(self.operations), operation):
            error, self.disk_error.life = self.disk_error.error, self.life
        self._record_disk(operation, size, error)
        if failure is None:
            return Go() if error is None else failing(error, operation)
        self._failures.remove(failure)
        if failure.error in DISK_ERRORS:
            self._erred = self.life
        self.fire(failure.fault, f"{failure.error} on {failure.on} {name}")
        return failing(failure.error, operation)

    def _dying(self, death: Death, operation: Operation) -> Decision:
        """It dies here: before the operation, or with a part of it done."""
        part = torn_at(death, operation)
        if part is None:
            return DieHere()
        self._record_disk(operation, part, "torn")
        return Torn(part)

    def _record_disk(self, operation: Operation, size: int | None, error: str | None) -> None:
        self.record(
            "disk",
            operation=operation.kind,
            path=operation.path,
            to=operation.to,
            offset=operation.offset,
            size=size,
            error=error,
        )

    def call_over(self) -> None:
        """A call to the target has returned or raised: a full disk has space again."""
        if self.disk_error is not None and self.disk_error.life is not None:
            self.disk_error.over = True

    @property
    def met_disk_error(self) -> bool:
        """Whether a disk operation of this life failed, as it was asked for."""
        return self.life in (self._erred, self.disk_error and self.disk_error.life)

    def dies_at(self, at: str, call: int | None = None) -> bool:
        """Whether the script wants it dead here; it is then `dying`, once."""
        for death in self._deaths:
            here = (death.turn, death.at) == (self.turn, at) and death.call in (None, call)
            left = self._stored_before(at, death) if death.stored else None
            if here or left is not None:
                self._deaths.remove(death)
                self.dying = dataclasses.replace(death, operations=left)
                return True
        return False

    def stray(self, kind: str, path: str, **details: str) -> None:
        """Record what became of a path that is none of the target's; of each the first is told."""
        if path not in self._strays and len(self._strays) < STRAYS_MAX:
            self._strays.add(path)
            self.record(kind, path=path, **details)

    def _stored_before(self, at: str, death: Death) -> int | None:
        """How many operations are left if it dies in the stretch before this crossing."""
        if death.turn != self.turn:
            return None
        return self._stretch.moment(
            death.at, at, self.operations, checkpoints="checkpoint" in self.capabilities
        )

    def _words(self, kind: str, data: Mapping[str, Any]) -> tuple[str, ...]:
        """What a store after this crossing would show."""
        if kind == "user.received":
            return (str(data["text"]),)
        if kind == "tool.done":
            return (str(data["call_id"]),)
        row = next((row for row in reversed(self._model.ledger) if row.status == 200), None)
        if kind != "reply.received" or row is None or row.turn is None or self._plan is None:
            return ()
        step = self._plan.turn(row.turn).steps[row.step or 0]
        return (step.text or "", *(call.id for call in step.calls))

    def fire(self, fault: int, what: str) -> None:
        """Note that a fault took place; the first time counts."""
        if fault not in self._fired:
            self._fired.add(fault)
            self.record("fault.fired", fault=fault, what=what)

    def _gate(self, at: str, call: int | None = None) -> None:
        if self.dies_at(at, call):
            raise Die

    def _bound(self, bound: str, value: int, message: str) -> None:
        self.limit_hit = True
        self.limit = {"bound": bound, "value": value, "message": message}
        raise Die

    def tell_limit(self, where: str | None) -> None:
        """Put the bound that was hit on record, with the line on which the life stood."""
        if self.limit is not None:
            self.record("limit", self.limit, where=where)

    def _on_request(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self._attempts[self.turn] += 1
        if self._attempts[self.turn] > ATTEMPTS_PER_TURN_MAX:
            self._bound(
                "attempts_per_turn",
                ATTEMPTS_PER_TURN_MAX,
                f"more than {ATTEMPTS_PER_TURN_MAX} requests for one user message",
            )
        self._gate("request.sent", self._attempts[self.turn])
        number = next(self._requests)
        body: bytes = call["body"]
        parsed = read_json(body)
        self.record(
            "request.sent",
            request=number,
            method=call["method"],
            path=call["path"],
            body=_readable(body) if parsed is None else parsed,
        )
        self._model.spoken_turn = self.turn
        reply = self._model.handle(
            call["method"], call["path"], call["headers"], body, self._clock.now_ns, parsed
        )
        row = self._model.ledger[-1]
        told = None if isinstance(reply, NoReply) else reply.headers.get("retry-after")
        wait_s = None if told is None else float(told)
        self.record("model.answered", row._asdict(), request=number, retry_after=wait_s)
        if row.fault is not None:
            self.fire(row.fault, f"status {row.status}" if row.status else "no reply")
        if isinstance(reply, NoReply):
            return {"no_reply": reply.kind, "delay_ns": reply.delay_ns}
        return {
            "status": reply.status,
            "headers": dict(reply.headers),
            "frames": [[frame.delay_ns, len(frame.data)] for frame in reply.frames],
            "body": b"".join([frame.data for frame in reply.frames]),
            "end": reply.end,
            "request": number,
            "gated": any(death.at in _REPLY_BOUNDARIES or death.stored for death in self._deaths),
        }

    def _on_gate(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        for at in call["at"]:
            self._gate(at)
            self.record(at, request=call["request"])
        return {}

    def _on_stored(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self._gate("message.stored")
        self.record("message.stored", role=call["role"], content=call["content"])
        return {}

    def _on_passed(self, call: Mapping[str, Any]) -> None:
        """Boundaries at which nobody dies: the life went on, and says when it was there."""
        at_ns = self._clock.elapsed_at(call["page_ns"])
        for at in call["at"]:
            self._add(at, {"request": call["request"]}, at_ns)

    def _on_tool(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self._calls[self.turn] += 1
        ordinal = self._calls[self.turn]
        self._gate("tool.called", ordinal)
        spec = self._shed.specs[call["name"]]
        self.record(
            "tool.called",
            call_id=call["call_id"],
            name=call["name"],
            input=call["input"],
            contract=spec.contract,
        )
        halfway = any(
            (death.turn, death.at, death.call) == (self.turn, "tool.halfway", ordinal)
            for death in self._deaths
        )
        return {"takes_ns": spec.takes, "halfway": halfway, "ordinal": ordinal}

    def _on_halfway(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self._gate("tool.halfway", call["ordinal"])
        return {}

    def _on_effect(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        effect = self._shed.run(call["name"], call["call_id"], call["input"])
        self.record("tool.effect", vars(effect))
        self._gate("tool.done", call["ordinal"])
        self.record("tool.done", call_id=call["call_id"], name=call["name"])
        return {"result": effect.result}

    def _on_network(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self.record("network.refused", address=call["address"], what=call["what"])
        return {}

    def _on_strayed(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self.stray("strayed", call["path"], operation=call["operation"])
        return {}

    def _on_blocked(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self.record("loop.blocked", ns=call["ns"])
        return {}

    def _on_overdue(self, _call: Mapping[str, Any]) -> Mapping[str, Any]:
        deadline = self._clock.deadline_ns or 0
        self._bound("virtual_time", deadline, OVERDUE)
        return {}


def _readable(body: bytes) -> Any:
    """What the model does not take for JSON, as the record shows it."""
    text = to_text(body)
    try:
        return json.loads(text)
    except ValueError:
        return text
