"""What a turn does, without doing it: the next step is a function of what the log holds.

A driver asks for the next step, carries it out (one model call, or some tool calls) and says what
came of it, until the turn is done. Nothing is remembered beside the log, so resuming after a crash
is the same loop on the same records. Every step is in the log, fsynced, before the next is taken:
the user's message before the model is asked, the intent before a tool is called, its result before
the model is told, the reply before the user sees it.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.lifecycle.errors import (
    MessageRefused,
    OversizeMessage,
    TurnLimit,
    WindowFull,
)
from harness.lifecycle.memory.blocks import sendable, tool_uses
from harness.lifecycle.memory.tokens import Content
from harness.lifecycle.storage.record import Record, is_own_id
from harness.lifecycle.storage.resume import Checkpoint
from harness.lifecycle.storage.store import Checkpoints, TurnLog
from harness.lifecycle.turns.cuts import Cuts
from harness.lifecycle.turns.refusals import understand
from harness.lifecycle.turns.reply import TRUNCATED, read_reply
from harness.lifecycle.turns.request import RequestShape
from harness.lifecycle.turns.tools import Outcome, ToolCall
from harness.lifecycle.turns.transcript import NOTE, Said, Transcript, Turn

GO_ON = "Continue."
BE_BRIEF = "Your reply was cut off at the output limit before it held anything. Be briefer."
NO_ROOM = "[this result was left out: there is no room for it in the window]"


@dataclass(frozen=True)
class Ask:
    """Call the model: `client.messages.create(**request)`."""

    request: dict[str, Any]


@dataclass(frozen=True)
class Calls:
    """Call these tools, in any order or at once."""

    calls: list[ToolCall]


@dataclass(frozen=True)
class Done:
    """The turn is over."""

    answer: str


@dataclass(frozen=True)
class Limits:
    """The bounds of one turn: model replies, continuations of one reply, tokens billed."""

    replies_max: int = 25
    continuations_max: int = 8
    tokens_max: int | None = None


_MENDED_MAX = {"overflow": 2, "thinking": 1, "message": 0}
"""How often a prompt that was refused is mended and sent again: one too long first is cut, then
goes alone, for what the API will not take may be an earlier message that nobody answered."""


class TurnLogic:
    """One conversation's turns over its log and checkpoint."""

    def __init__(
        self,
        codec: TurnLog,
        store: Checkpoints,
        new_transcript: Callable[[], Transcript],
        shape: RequestShape,
        limits: Limits,
    ) -> None:
        self.transcript = new_transcript()
        self._new_transcript = new_transcript
        self._codec = codec
        self._store = store
        self._shape = shape
        self._limits = limits
        self._saved = 0
        self.cuts = Cuts(codec, lambda: self.transcript)
        self._held: list[tuple[str, Content, dict[str, Any]]] = []
        self._mended: Counter[tuple[int, str]] = Counter()

    def open(self) -> None:
        """Read the log, and bring the checkpoint in line with it."""
        stored = self._store.load()
        memory = None if stored is None else stored.memory
        tail = None if memory is None else (memory["offset"], memory["sequence"])
        records = self._codec.settle(tail=tail)
        if stored is None or not self._restore(stored, records):
            if self._codec.head:
                records = self._codec.settle()
            self.transcript = self._new_transcript()
            for record in records:
                self.transcript.read(record)
        if self._codec.damage:
            # What is gone stood before thinking that is bound to it.
            self.transcript.window.strip_thinking()
        if stored is not None and stored == self.transcript.checkpoint:
            self._saved = stored.turn_number
        self.save_checkpoint()

    def _restore(self, stored: Checkpoint, records: list[Record]) -> bool:
        """Go on from the checkpoint and the log since its window began, if they agree."""
        return (
            stored.memory is not None
            and bool(records)
            and records[0].sequence == stored.memory["sequence"]
            and records[-1].sequence + 1 >= stored.position
            and self.transcript.restore(stored, records)
        )

    def history(self) -> list[Said]:
        """All that is remembered, the part that opening left unread too."""
        self._read_head()
        return self.transcript.history()

    def _read_head(self) -> None:
        if self._codec.head:
            before = self._new_transcript()
            before.settled = True
            for record in self._codec.read_head():
                before.read(record)
            self.transcript.prepend(before.turns)
            self._codec.head = 0

    def _older(self, message_id: str) -> Turn | None:
        """The turn of a message that opening left unread, read by itself."""
        records = self._codec.read_from(message_id, until=_starts_turn) if self._codec.head else []
        if not records:
            return None
        before = self._new_transcript()
        before.settled = True
        for record in records:
            before.read(record)
        return before.turn

    def begin(self, message_id: str, text: str, *, pin: bool = False) -> str | None:
        """Take a user's message in, once, however often it is sent: its answer if it has one.

        MessageRefused, with nothing written, where it cannot be said; also where it was refused
        for good before.
        """
        if not isinstance(message_id, str) or not message_id:
            raise MessageRefused(
                f"expected a message id of at least one character, got {message_id!r}; nothing was "
                "written"
            )
        if is_own_id(message_id):
            raise MessageRefused(
                f"the message id {message_id!r} is of the log's own form (r and eight digits): "
                "give the message another one"
            )
        self._write_held()
        known = self.transcript.by_id.get(message_id) or self._older(message_id)
        if known is not None:
            if known.records[0].content != text:
                raise MessageRefused(
                    f"the message id {message_id!r} already belongs to another text: give each "
                    "message an id of its own"
                )
            if known.failure is not None:
                raise MessageRefused(f"message {message_id!r} was set aside: {known.failure}")
            if known.answer is not None:
                self.save_checkpoint()
                return known.answer
            if known is self.transcript.turn:
                return None
        if not isinstance(text, str) or not text.strip():
            raise MessageRefused(
                f"expected a message with text, got {text!r}, which the API refuses; nothing was "
                "written"
            )
        sent = self.transcript.window.fitting("user", text, starts_turn=True)
        meta: dict[str, Any] = {} if sent is text else {"sent": sent}
        if pin:
            meta["pinned"] = True
        self._append("user", text, kind="user", record_id=message_id, **meta)
        return None

    def next_step(self) -> Ask | Calls | Done:
        """What is to be done now in the newest turn.

        TurnLimit or WindowFull where it must not go on; the turn stays pending.
        """
        self._write_held()
        turn = self.transcript.turn
        if turn is None:
            return Done("")
        if not turn.over and turn.waiting:
            return Calls(
                [
                    # A copy: what a tool does to its arguments must not change what was said.
                    ToolCall(
                        call["id"],
                        call["name"],
                        copy.deepcopy(call["input"]),
                        begun=call["id"] in turn.intents,
                    )
                    for call in turn.waiting
                ]
            )
        if not turn.over:
            self._check_limits(turn)
            if turn.records[-1].role == "assistant" and not turn.calls:
                self._go_on(turn)
        if turn.over:
            self.save_checkpoint()
            return Done(turn.answer or "")
        return Ask(self._request())

    def received(self, message: Any, *, retries: int = 0) -> None:
        """The model has answered: `message` is the SDK's Message, got after so many retries."""
        reply = read_reply(message)
        turn = self.transcript.turns[-1]
        content = reply.content
        if reply.stop_reason == "refusal":
            content = [block for block in content if block.get("type") != "tool_use"]
        calls = bool(tool_uses(content))
        unfinished = reply.stop_reason in (*TRUNCATED, "pause_turn")
        self._append(
            "assistant",
            content,
            hold=True,
            kind="assistant",
            turn=turn.number,
            stop_reason=reply.stop_reason,
            usage=vars(reply.usage),
            thought=reply.thought,
            calls=calls,
            final=not calls and not unfinished,
            tokens=reply.usage.output_tokens,
            retries=retries,
        )

    def failed(self, error: Exception, *, retries: int = 0) -> bool:
        """The model call raised, after so many retries: whether to take the next step again.

        False: the error is the caller's, the turn stays pending. MessageRefused or WindowFull where
        asking again cannot help.
        """
        refusal = understand(error)
        if retries:
            self._append(NOTE, "", kind="retried", retries=retries)
        if refusal.kind == "passing":
            return False
        turn = self.transcript.turns[-1]
        mark = (turn.prompt, refusal.kind)
        if self._mended[mark] < _MENDED_MAX[refusal.kind]:
            self._mended[mark] += 1
            if refusal.kind == "thinking":
                self._append(NOTE, "", kind="cut", first_kept=None)
            else:
                self.cuts.harder(refusal, error, alone=self._mended[mark] > 1)
            return True
        if refusal.kind == "overflow":
            raise WindowFull(
                f"the API still finds the prompt too long after it was cut to the newest turn: "
                f"{refusal.words}; set a smaller window_tokens, or send less at once"
            ) from error
        self._append(NOTE, "", kind="set_aside", reason=refusal.words)
        raise MessageRefused(
            f"the API refuses message {turn.message_id!r} for good: {refusal.words}; it is set "
            "aside and will not be sent again, the conversation goes on without it"
        ) from error

    def calling(self, call: ToolCall) -> None:
        """A tool is about to be called: the intent is durable when this returns."""
        if not call.begun:
            self._append(NOTE, "", kind="intent", call_id=call.id, name=call.name)

    def called(self, call: ToolCall, outcome: Outcome) -> None:
        """A tool call has this outcome: it is durable when this returns."""
        turn = self.transcript.turns[-1]
        meta: dict[str, Any] = {"call_id": call.id, "name": call.name}
        if outcome.is_error:
            meta["is_error"] = True
        try:
            sent = self.transcript.window.fitting(
                "user", outcome.content, starts_turn=False, share=1.0 / len(turn.calls)
            )
        except OversizeMessage:
            sent = NO_ROOM
        if sent is not outcome.content:
            meta["sent"] = sent
        self._append(NOTE, outcome.content, hold=True, kind="result", **meta)

    def save_checkpoint(self) -> None:
        """Save the checkpoint that is due, if one is."""
        due = self.transcript.checkpoint
        if due is not None and due.turn_number != self._saved:
            self._store.save(due)
            self._saved = due.turn_number

    def window_messages(self) -> list[dict[str, Any]]:
        """The messages that the next request would carry."""
        return self.transcript.window.as_messages()

    def _check_limits(self, turn: Turn) -> None:
        if turn.replies >= self._limits.replies_max:
            raise TurnLimit(
                f"turn {turn.number} has had {turn.replies} model replies, the most allowed, and "
                "is not done: send another message to go on from here, or raise the limit"
            )
        most = self._limits.tokens_max
        if most is not None and turn.tokens >= most:
            raise TurnLimit(
                f"turn {turn.number} has been billed {turn.tokens} tokens, {most} are allowed: "
                "send another message to go on from here, or raise the limit"
            )

    def _go_on(self, turn: Turn) -> None:
        """Ask for the rest of an unfinished reply, or leave it where no more can come."""
        last = turn.records[-1]
        stop = last.meta["stop_reason"]
        window = self.transcript.window
        full = False
        if stop == "model_context_window_exceeded" and self.transcript.last_cut < last.sequence:
            full = self.cuts.log(self.cuts.low()) is None
        if full or turn.continuations >= self._limits.continuations_max:
            self._append(NOTE, "", kind="finish")
            return
        words = GO_ON
        if stop == "pause_turn" and _ends_with_server_tool(last.content):
            words = ""
        elif sendable(last.content) is None:
            words = BE_BRIEF
        try:
            self.cuts.log(window.fit())
        except WindowFull:
            self._append(NOTE, "", kind="finish")
            return
        self._append("user", words, kind="continue", turn=turn.number)

    def _request(self) -> dict[str, Any]:
        window = self.transcript.window
        self.cuts.log(window.fit())
        messages = window.as_messages()
        answered = (i for i in range(len(messages) - 1, 0, -1) if messages[i]["role"] != "user")
        request = self._shape.request(messages, also_at=next(answered, 0) - 1)
        # The last thing before the request leaves: what was not asked is not in the books.
        self.transcript.apply(self._codec.append_soon(NOTE, "", kind="ask"))
        return request

    def _append(self, role: str, content: Content, *, hold: bool = False, **meta: Any) -> None:
        """Write a record and take it in. With `hold`, what the disk refused is tried again first
        thing next time: it was paid for, or has taken effect."""
        try:
            record = self._codec.append(role, content, **meta)
        except OSError:
            if hold:
                self._held.append((role, content, meta))
            raise
        self.transcript.apply(record)

    def _write_held(self) -> None:
        while self._held:
            role, content, meta = self._held[0]
            self._append(role, content, **meta)
            del self._held[0]


def _starts_turn(record: Record) -> bool:
    return str(record.meta.get("kind", record.role)) == "user"


def _ends_with_server_tool(content: Content) -> bool:
    if isinstance(content, str) or not content:
        return False
    kind = str(content[-1].get("type"))
    return kind == "server_tool_use" or kind.endswith("_tool_result")
