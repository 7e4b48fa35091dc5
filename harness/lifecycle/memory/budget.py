"""The numbers of a window: what a request may hold, and what that leaves for one message.

They change only when something is learned or the budget is lowered, and are worked out then, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.lifecycle.errors import WindowFull
from harness.lifecycle.memory.blocks import Block
from harness.lifecycle.memory.ledger import UsageLedger
from harness.lifecycle.memory.tokens import Content, TokenCounter, count_block, count_content

_OVERSIZE_ABOVE = 0.8
_SHORTENED_TO = 0.6


@dataclass(frozen=True)
class Eviction:
    """Messages that left the window: how many, their tokens, and the first tag still there."""

    messages: int
    tokens: int
    reason: str
    first_kept: int | None
    summary: str | None = None
    """What they were folded into, where a summary hook did."""


class Budget:
    """`high` tokens for a whole request; `learning` once the API's counts come in, or will."""

    def __init__(self, high: int, ledger: UsageLedger, *, learning: bool) -> None:
        self.high = high
        self.ledger = ledger
        self.learning = learning
        self.lowered: int | None = None
        """What `lower` brought it down to, if anything has."""
        self.head_sum = 0.0
        """Tokens that stay when turns are dropped: the summary, pinned messages."""
        self.refresh()

    def refresh(self) -> None:
        """Work the numbers out again from the ledger."""
        ledger = self.ledger
        self.margin = ledger.margin if self.learning else 0.0
        self.base = ledger.constant
        if not ledger.answers:
            self.base += self.margin * ledger.constant
        self.limit = self.high - self.base
        """What messages may come to, on the safe bound."""
        room = self.high - ledger.constant - self.head_sum
        self.easy = _OVERSIZE_ABOVE * room / (1.0 + self.margin)
        """A message that with its turn is predicted below this fits without a further look."""
        self.ratio, self.overhead = ledger.line()

    def lower(self, high: int) -> None:
        """The budget has turned out to be smaller than was thought."""
        self.high = self.lowered = min(self.high, high)
        self.refresh()

    def most(self, role: str, count: int, turn_sum: float, share: float) -> int | None:
        """None where a message of `count` fits beside its turn, else what it must come down to."""
        room = (self.high - self.ledger.constant - self.head_sum - turn_sum) * share
        need = self.ledger.predict(count) * (1.0 + self.margin)
        if need <= room * (_OVERSIZE_ABOVE if role == "user" else 1.0):
            return None
        allowed = room * _SHORTENED_TO / (1.0 + self.margin) - max(0.0, self.overhead)
        return max(0, int(allowed / max(0.1, self.ratio)))


def constant_of(
    system: Content | None, tools: Iterable[Block], counter: TokenCounter, high: int
) -> float:
    """A first guess at what stands in every request beside its messages, in tokens.

    WindowFull where it leaves nothing for them.
    """
    fixed = 0.0 if system is None else count_content(system, counter) + 8.0
    fixed += sum(count_block(tool, counter) + 12.0 for tool in tools)
    if fixed >= high:
        raise WindowFull(
            f"the system prompt and the tools alone count {fixed:.0f} tokens, the budget is "
            f"{high}: shorten them, or raise max_tokens"
        )
    return fixed
