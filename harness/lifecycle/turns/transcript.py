"""What the log means: turns, their messages, their calls, the window, the books.

Everything known is a function of the log's records, applied in order, live and after a restart by
the same code: so a reborn process knows what the dead one knew, and sends the same bytes. Beside
messages the log holds notes (role "note"): intent and result of a tool call, a cut of the window, a
request asked again, a turn set aside.

A turn is a user's turn. Its messages are the user's, then the model's and the tool results in turn.
Where the model was asked to go on, the pieces are one message of the history.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from harness.lifecycle.memory.blocks import Block, joined, text_of, tool_uses
from harness.lifecycle.memory.tokens import Content
from harness.lifecycle.memory.window import MessageWindow
from harness.lifecycle.storage.record import Record
from harness.lifecycle.storage.resume import Checkpoint
from harness.lifecycle.turns.reply import Usage

NOTE = "note"
_LOG = logging.getLogger("harness.lifecycle")
_ONE_ATTEMPT = Usage(attempts=1)


@dataclass(frozen=True)
class Said:
    """One message of the history, in Anthropic's shape."""

    role: str
    content: Content


@dataclass
class Turn:
    """One user's turn, as far as it has come."""

    number: int
    message_id: str
    sequence: int
    records: list[Record]
    results: dict[str, Block] = field(default_factory=dict)
    sent_results: dict[str, Block] = field(default_factory=dict)
    """The results as the model is shown them: shortened where they were oversize."""
    intents: set[str] = field(default_factory=set)
    calls: list[Block] = field(default_factory=list)
    """The tool calls of the newest model message."""
    prompt: int = -1
    """Sequence of the record that the model is to answer next."""
    replies: int = 0
    billed: list[dict[str, Any]] = field(default_factory=list)
    """The usage of each reply."""
    continuations: int = 0
    answer: str | None = None
    failure: str | None = None
    superseded: bool = False
    """The same message was sent again after another one: the later turn stands for it."""

    @property
    def over(self) -> bool:
        """Answered, or set aside for good."""
        return self.answer is not None or self.failure is not None

    @property
    def tokens(self) -> int:
        """All that its replies were billed."""
        return sum(Usage(**each).prompt_tokens + each["output_tokens"] for each in self.billed)

    @property
    def waiting(self) -> list[Block]:
        """The newest calls that have no result yet."""
        return [call for call in self.calls if call["id"] not in self.results]

    def history(self) -> list[Said]:
        """The turn's messages: the user's as sent, one model message between tool results."""
        said = [Said("user", self.records[0].content)]
        pieces: list[Content] = []
        for record in self.records[1:]:
            if record.role == "assistant":
                pieces.append(record.content)
                calls = tool_uses(record.content) if record.meta.get("calls") else []
                if calls:
                    said.append(Said("assistant", joined(pieces)))
                    pieces = []
                    results = [self.results[c["id"]] for c in calls if c["id"] in self.results]
                    if results:
                        said.append(Said("user", list(results)))
        if pieces:
            said.append(Said("assistant", joined(pieces)))
        return said

    def text(self) -> str:
        """What the model has said since the last tool results."""
        pieces: list[str] = []
        for record in self.records[1:]:
            if record.role == "assistant":
                pieces = [] if record.meta.get("calls") else [*pieces, text_of(record.content)]
        return "".join(pieces)


class Transcript:
    """The conversation as its log tells it. `checkpoint_every` turns a checkpoint is due."""

    def __init__(self, window: MessageWindow, *, checkpoint_every: int) -> None:
        self.window = window
        self.turns: list[Turn] = []
        self.by_id: dict[str, Turn] = {}
        self.completed = 0
        self.usage = Usage()
        self.tool_state: dict[str, Any] = {}
        self.checkpoint: Checkpoint | None = None
        self.last_sequence = -1
        self.last_at_ns = 0
        self.last_cut = -1
        self.folding = False
        """A summary was begun and no cut followed: its hook took the process with it."""
        self._every = checkpoint_every
        self._turns_before = 0
        self.settled = False
        """Nothing is learned or cut: what comes of these records is known from elsewhere."""
        self._apply: dict[str, Callable[[Record], None]] = {
            "user": self._user,
            "assistant": self._assistant,
            "continue": self._continue,
            "intent": self._intent,
            "result": self._result,
            "cut": self._cut,
            "folding": self._fold,
            "finish": self._finished,
            "ask": self._ask,
            "retried": self._retried,
            "set_aside": self._set_aside,
        }

    @property
    def turn(self) -> Turn | None:
        """The newest turn."""
        return self.turns[-1] if self.turns else None

    def apply(self, record: Record) -> None:
        """Take one record in. Records that another program added are left alone."""
        self.last_sequence = record.sequence
        self.last_at_ns = record.at_ns
        known = self._apply.get(str(record.meta.get("kind", record.role)))
        if known is not None:
            known(record)

    def read(self, record: Record) -> None:
        """Take in a record of an earlier life; one of a shape that nothing here writes is left."""
        try:
            self.apply(record)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            _LOG.warning(
                "record %d is none of this stack's (%s: %s); it is left alone",
                record.sequence,
                type(error).__name__,
                error,
            )

    def history(self) -> list[Said]:
        """Everything remembered, oldest first."""
        return [said for turn in self.turns if not turn.superseded for said in turn.history()]

    def restore(self, checkpoint: Checkpoint, records: list[Record]) -> bool:
        """Start from a checkpoint and the log's tail from where its window begins.

        False where they do not belong together; this transcript is then spoilt.
        """
        memory = checkpoint.memory
        if memory is None:
            return False
        self._turns_before = memory["turns_before"]
        self.settled = True
        early = [record for record in records if record.sequence < checkpoint.position]
        for record in early:
            self.read(record)
        self.settled = False
        self.usage = Usage(**memory["usage"])
        self.completed = checkpoint.turn_number
        self.tool_state = {name: dict(state) for name, state in checkpoint.tool_state.items()}
        self.checkpoint = checkpoint
        if not self.window.adopt(memory["window"]):
            return False
        for record in records[len(early) :]:
            self.read(record)
        return True

    def prepend(self, turns: list[Turn]) -> None:
        """The turns before those that were restored."""
        for turn in turns:
            turn.superseded = turn.superseded or turn.message_id in self.by_id
            self.by_id.setdefault(turn.message_id, turn)
        self.turns[:0] = turns
        self._turns_before = 0

    def _memory(self) -> dict[str, Any] | None:
        """What a restart needs to go on from the window's first turn alone."""
        state, first = self.window.state(), self.window.first_tag
        for index in range(len(self.turns) - 1, -1, -1):
            if self.turns[index].sequence == first:
                return {
                    "offset": self.turns[index].records[0].offset,
                    "sequence": first,
                    "turns_before": self._turns_before + index,
                    "usage": vars(self.usage),
                    "window": state,
                }
        return None

    def _user(self, record: Record) -> None:
        turn = Turn(self._turns_before + len(self.turns) + 1, record.id, record.sequence, [record])
        turn.prompt = record.sequence
        before = self.by_id.get(record.id)
        if before is not None:
            before.superseded = True
        self.turns.append(turn)
        self.by_id[record.id] = turn
        self._push("user", _sent(record), record, starts_turn=True)

    def _assistant(self, record: Record) -> None:
        turn = self.turn
        if turn is None:
            return
        turn.records.append(record)
        turn.replies += 1
        turn.calls = tool_uses(record.content) if record.meta.get("calls") else []
        exact = self._billed(turn, record) if "usage" in record.meta else None
        self._push("assistant", _sent(record), record, exact=exact)
        # A plain record, as the codec alone writes them, is a whole answer that nobody billed.
        if record.meta.get("final", "usage" not in record.meta):
            self._finish(turn, record)

    def _billed(self, turn: Turn, record: Record) -> float | None:
        """Enter what a reply cost; its tokens by the bill, where all of it is sent again."""
        billed = record.meta["usage"]
        turn.billed.append(billed)
        if not self.settled:
            usage = Usage(**billed)
            self.usage += replace(usage, attempts=record.meta.get("retries", 0))
            self.window.learn(usage.prompt_tokens)
        if record.meta.get("thought"):
            return None
        return float(billed["output_tokens"] + self.window.ledger.overhead)

    def _finish(self, turn: Turn, record: Record) -> None:
        turn.answer = turn.text()
        self.completed += 1
        if record.meta.get("stop_reason") == "refusal":
            # What was refused once makes the API refuse all that comes after it.
            self.window.drop_turn(turn.sequence)
        if self.completed % self._every == 0 and not self.settled:
            self.checkpoint = Checkpoint(
                turn_number=self.completed,
                tool_state={name: dict(state) for name, state in self.tool_state.items()},
                last_assistant_message=turn.answer,
                position=record.sequence + 1,
                memory=self._memory(),
            )

    def _continue(self, record: Record) -> None:
        turn = self.turns[-1]
        turn.continuations += 1
        turn.prompt = record.sequence
        turn.records.append(record)
        if record.content:
            self._push("user", record.content, record)

    def _intent(self, record: Record) -> None:
        self.turns[-1].intents.add(record.meta["call_id"])

    def _result(self, record: Record) -> None:
        turn, call_id = self.turns[-1], record.meta["call_id"]
        block: Block = {"type": "tool_result", "tool_use_id": call_id, "content": record.content}
        if record.meta.get("is_error"):
            block["is_error"] = True
        turn.results[call_id] = block
        state = self.tool_state.setdefault(record.meta["name"], {"calls": 0})
        state.update(calls=state["calls"] + 1, last_call_id=call_id, last_result=record.content)
        turn.sent_results[call_id] = {**block, "content": _sent(record)}
        if not turn.waiting:
            turn.prompt = record.sequence
            results = [turn.sent_results[call["id"]] for call in turn.calls]
            self._push("user", results, record)

    def _push(
        self,
        role: str,
        content: Content,
        record: Record,
        *,
        starts_turn: bool = False,
        exact: float | None = None,
    ) -> None:
        self.window.push(
            role,
            content,
            starts_turn=starts_turn,
            tag=record.sequence,
            exact=exact,
            fitted=True,
            pinned=starts_turn and bool(record.meta.get("pinned")),
        )

    def _finished(self, record: Record) -> None:
        self._finish(self.turns[-1], record)

    def _fold(self, record: Record) -> None:
        self.folding = True

    def _cut(self, record: Record) -> None:
        self.last_cut = record.sequence
        self.folding = False
        if "usage" in record.meta:
            self.usage += Usage(**record.meta["usage"])
        if self.settled:
            return
        if record.meta.get("prompt_tokens"):
            self.window.learn(record.meta["prompt_tokens"])
        if record.meta.get("high"):
            self.window.lower(record.meta["high"])
        if record.meta.get("first_kept") is not None:
            self.window.cut_before(record.meta["first_kept"], summary=record.meta.get("summary"))
        else:
            self.window.strip_thinking()

    def _ask(self, record: Record) -> None:
        self.usage += _ONE_ATTEMPT

    def _retried(self, record: Record) -> None:
        self.usage += Usage(attempts=record.meta["retries"])

    def _set_aside(self, record: Record) -> None:
        turn = self.turns[-1]
        turn.failure = str(record.meta["reason"])
        self.window.drop_turn(turn.sequence)


def _sent(record: Record) -> Content:
    """What the model is shown: the shortened form, where there is one."""
    sent: Content | None = record.meta.get("sent")
    return record.content if sent is None else sent
