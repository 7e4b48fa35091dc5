"""Cuts of the window, each in the log, so that a restart makes the same ones.

A cut is made when a request would be over the budget, or when the API says that a prompt was too
long. What leaves may be folded into a summary by a hook; that it is asked is in the log first, so
that a hook which takes the process down with it is not asked about the same messages again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.lifecycle.errors import WindowFull
from harness.lifecycle.memory.budget import Eviction
from harness.lifecycle.memory.summary import Summarizer, Summary
from harness.lifecycle.storage.store import TurnLog
from harness.lifecycle.turns.refusals import Refusal
from harness.lifecycle.turns.reply import Usage
from harness.lifecycle.turns.transcript import NOTE, Transcript

_WITHOUT_NUMBERS = 0.45


class Cuts:
    """The cuts of one conversation; `transcript` gives the one of the moment."""

    def __init__(self, codec: TurnLog, transcript: Callable[[], Transcript]) -> None:
        self._codec = codec
        self._transcript = transcript
        self._spent: Usage | None = None

    def fold_with(self, hook: Summarizer | None) -> None:
        """Fold what leaves the window with this hook from now on."""

        def asked(before: str | None, messages: Sequence[dict[str, Any]]) -> str | None:
            transcript = self._transcript()
            if hook is None or transcript.folding:
                return None
            record = self._codec.append(NOTE, "", kind="folding", messages=len(messages))
            transcript.apply(record)
            answer = hook(before, messages)
            if isinstance(answer, Summary):
                self._spent = answer.usage
                return answer.text
            return answer

        self._transcript().window.summarize = None if hook is None else asked

    def low(self, share: float | None = None) -> Eviction | None:
        """Cut to the low mark whatever the budget says; None where only the newest turn is left.

        With `share` to that part of what there is, if that is less.
        """
        window = self._transcript().window
        mark = window.low if share is None else min(window.low, share * window.bound)
        try:
            return window.cut_to(mark, float("inf"))
        except WindowFull:
            return None

    def harder(self, refusal: Refusal, error: Exception, *, alone: bool = False) -> None:
        """The API found the prompt too long: learn from it, cut, and log it.

        `alone`: down to the newest turn.

        Without numbers (413 is about bytes) this prompt is cut, and the budget stays: a short one
        that was refused would leave no room for the next. WindowFull where there is nothing to cut.
        """
        window = self._transcript().window
        if refusal.sent_tokens:
            window.learn(refusal.sent_tokens)
        high = refusal.allowed_tokens
        if high is not None:
            window.lower(high)
        share = _WITHOUT_NUMBERS if high is None else None
        evicted = self.low(0.0 if alone else share)
        if evicted is None:
            raise WindowFull(
                f"the API finds the prompt too long and there is no older turn to leave out: "
                f"{refusal.words}; set a smaller window_tokens, or send less at once"
            ) from error
        high = None if high is None else window.budget.high
        self.log(evicted, high=high, prompt_tokens=refusal.sent_tokens)

    def log(self, evicted: Eviction | None, **meta: Any) -> Eviction | None:
        """Write a cut that has been made into the log."""
        if evicted is not None:
            transcript = self._transcript()
            meta["summary"] = evicted.summary
            if self._spent is not None:
                meta["usage"] = vars(self._spent)
                transcript.usage += self._spent
                self._spent = None
            record = self._codec.append(
                NOTE,
                "",
                kind="cut",
                first_kept=evicted.first_kept,
                messages=evicted.messages,
                **{key: value for key, value in meta.items() if value is not None},
            )
            transcript.last_sequence = transcript.last_cut = record.sequence
            transcript.folding = False
        return evicted
