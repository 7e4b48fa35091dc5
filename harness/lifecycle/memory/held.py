"""The messages that are held, oldest first, with their tokens and running sums; decides nothing.

In front stands the head: what stays when turns are dropped (one summary, then pinned messages).
Behind it stand the turns. The messages before `_sent` have been counted by the API, the others are
estimates; a new summary is an estimate too, though it stands in front.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.lifecycle.memory.blocks import without_thinking
from harness.lifecycle.memory.budget import Budget
from harness.lifecycle.memory.ledger import UsageLedger
from harness.lifecycle.memory.tokens import Content, TokenCounter, count_content

Message = dict[str, Any]


Row = tuple[int, bool, int, bool]
"""What is known of one message: its count, whether it starts a turn, its tag, whether it stays."""
COUNT, START, TAG, PINNED = range(4)


class Held:
    """Messages, rows and tokens side by side; `ledger` teaches their tokens."""

    def __init__(self, counter: TokenCounter, budget: Budget) -> None:
        self.budget = budget
        self._counter = counter
        self._messages: list[Message] = []
        self._rows: list[Row] = []
        self._tokens: list[float] = []
        self._sum = 0.0
        self._sent_sum = 0.0
        self._turn_sum = 0.0
        self._head = 0
        self._summary: str | None = None
        self._summary_sent = True
        self._sent = 0
        self._stripped = -1
        self._thinking = False
        self._recount()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def ledger(self) -> UsageLedger:
        """What the bill has taught."""
        return self.budget.ledger

    @property
    def first_tag(self) -> int | None:
        """The tag of the oldest message that is part of a turn."""
        return self._rows[self._head][TAG] if len(self._rows) > self._head else None

    @property
    def tokens(self) -> int:
        """Tokens of the whole request as believed now, rounded up."""
        return int(self.ledger.constant + self._sum) + 1

    @property
    def bound(self) -> float:
        """The safe bound on the whole request: what is known, and the rest with its margin."""
        unsent = self._sum - self._sent_sum
        return self.budget.base + self._sum + self.budget.margin * unsent

    def turn_tokens(self) -> float:
        """Tokens of a turn here, on average."""
        turns = sum(row[START] for row in self._rows[self._head :])
        return (self._sum - self.budget.head_sum) / max(1, turns)

    def learn(self, prompt_tokens: int) -> None:
        """The API has counted the request of the messages now here: `prompt_tokens` in all."""
        places = list(range(self._sent, len(self._tokens)))
        if not self._summary_sent:
            places.insert(0, 0)
        unsent = [(self._rows[place][COUNT], self._tokens[place]) for place in places]
        known = self._sum - sum(tokens for _, tokens in unsent)
        learned = self.ledger.learn(prompt_tokens, known, unsent)
        for place, tokens in zip(places, learned, strict=False):
            self._tokens[place] = tokens
        self._sent = len(self._messages)
        self._summary_sent = True
        self.budget.learning = True
        self._recount()

    def strip_thinking(self, before: int | None = None) -> None:
        """Leave out all thinking (before a tag): it is bound to a prefix that is not sent again."""
        if before is None:
            before = self._rows[-1][TAG] + 1 if self._rows else 0
        self._stripped = max(self._stripped, before)
        for index, message in enumerate(self._messages if self._thinking else ()):
            row = self._rows[index]
            if row[TAG] >= before:
                break
            content = without_thinking(message["content"])
            if content is not message["content"]:
                count = count_content(content, self._counter)
                self._tokens[index] *= count / max(1, row[COUNT])
                self._rows[index] = (count, *row[1:])
                self._messages[index] = {"role": message["role"], "content": content}
        self._recount()

    def state(self) -> dict[str, Any]:
        """All that was learned and decided about the messages now here, JSON-like.

        Only the head's messages are in it; those of the turns are for the caller to push again.
        """
        head = [
            {"content": message["content"], "count": row[COUNT], "tag": row[TAG]}
            for message, row in zip(self._messages[: self._head], self._rows, strict=False)
        ]
        return {
            "tags": [row[TAG] for row in self._rows[self._head :]],
            "tokens": self._tokens.copy(),
            "head": head,
            "summary": self._summary,
            "summary_sent": self._summary_sent,
            "sent": self._sent,
            "stripped": self._stripped,
            "lowered": self.budget.lowered,
            "ledger": self.ledger.state(),
        }

    def adopt(self, state: Mapping[str, Any]) -> bool:
        """Take over the `state()` of a window that held these messages; False for others."""
        if state["tags"] != [row[TAG] for row in self._rows[self._head :]]:
            return False
        head = state.get("head", [])
        self._messages[: self._head] = [
            {"role": "user", "content": each["content"]} for each in head
        ]
        self._rows[: self._head] = [(each["count"], True, each["tag"], True) for each in head]
        self._head = len(head)
        self._summary = state.get("summary")
        self._summary_sent = state.get("summary_sent", True)
        self._sent = state["sent"]
        self.budget.ledger = UsageLedger.restored(state["ledger"])
        self.budget.learning = True
        self._tokens = list(state["tokens"])
        if state["lowered"] is not None:
            self.lower(state["lowered"])
        self.strip_thinking(before=state["stripped"])
        self._tokens = list(state["tokens"])
        self._recount()
        return True

    def _place_of(self, tag: int) -> int:
        """Where, behind the head, the first message of at least this tag stands."""
        rows = self._rows
        return next((i for i in range(self._head, len(rows)) if rows[i][TAG] >= tag), len(rows))

    def _take_out(self, begin: int, end: int) -> tuple[list[Message], float]:
        """Remove what stands from `begin` up to `end`; the messages and their tokens."""
        gone, tokens = self._messages[begin:end], sum(self._tokens[begin:end])
        for column in (self._messages, self._rows, self._tokens):
            del column[begin:end]
        self._sent -= max(0, min(self._sent, end) - begin)
        return gone, tokens

    def _keep_pins(self, end: int) -> tuple[list[Message], float]:
        """Remove the turns before `end`; what is pinned in them joins the head."""
        pinned = [i for i in range(self._head, end) if self._rows[i][PINNED]]
        if not pinned:
            return self._take_out(self._head, end)
        kept = [(self._messages[i], self._rows[i], self._tokens[i]) for i in pinned]
        known = sum(i < self._sent for i in pinned)
        gone, tokens = self._take_out(self._head, end)
        at = self._head
        self._messages[at:at] = [message for message, _, _ in kept]
        self._rows[at:at] = [row for _, row, _ in kept]
        self._tokens[at:at] = [each for _, _, each in kept]
        self._head += len(kept)
        # A pin that no request has held yet can only be the newest message, which is never cut.
        self._sent = self._sent + len(kept) if known == len(kept) else min(self._sent, at)
        pins = {id(message) for message, _, _ in kept}
        return [each for each in gone if id(each) not in pins], tokens - sum(t for _, _, t in kept)

    def _set_summary(self, text: str, content: Content, tag: int) -> None:
        """Put a summary in front, in the place of the one before."""
        count = count_content(content, self._counter)
        had = self._summary is not None
        self._messages[:had] = [{"role": "user", "content": content}]
        self._rows[:had] = [(count, True, tag, True)]
        self._tokens[:had] = [self.ledger.predict(count)]
        if not had:
            self._head += 1
            self._sent += 1
        self._summary = text
        self._summary_sent = False

    def lower(self, high: int) -> None:
        """The budget has turned out to be smaller than was thought."""
        self.budget.lower(high)
        self._recount()

    def _recount(self) -> None:
        """Work out again what `push` needs, from the columns and the ledger."""
        tokens, budget = self._tokens, self.budget
        self._sum = sum(tokens)
        self._sent_sum = sum(tokens[: self._sent])
        if not self._summary_sent:
            self._sent_sum -= tokens[0]
        budget.head_sum = sum(tokens[: self._head])
        self._turn_sum = 0.0
        for index in range(len(tokens) - 1, self._head - 1, -1):
            self._turn_sum += tokens[index]
            if self._rows[index][START]:
                break
        budget.refresh()
        self._ratio, self._overhead, self._easy = budget.ratio, budget.overhead, budget.easy
        # The sum at which the bound, margin and all, is at the budget.
        self._sum_max = (budget.limit + budget.margin * self._sent_sum) / (1.0 + budget.margin)
