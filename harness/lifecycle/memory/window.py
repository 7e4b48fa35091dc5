"""The window: the newest messages that fit the budget, always a valid start of a request.

The budget is the whole request: system prompt, tools and frames (the ledger's constant), messages,
and what is reserved for the output. Pushing past the high mark (the budget, on the safe bound) cuts
the oldest turns down to the low mark in one go, so the prompt cache is broken once, not at every
turn. A cut falls only at a user turn's start; a tool call and its result, paired by id, are never
parted; the newest user message stays. A request never starts with the assistant and never holds an
orphan. What cannot fit by itself is shortened or refused. Pinned messages stay, in front; what is
dropped may be folded into a summary before them. The window never touches the disk.

Work is amortised O(1): each message is counted once and dropped once; sums are kept running.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Literal

from harness.lifecycle.errors import MessageRefused, OversizeMessage, WindowFull
from harness.lifecycle.memory.blocks import (
    Block,
    OpenCalls,
    Paired,
    sendable,
    tool_uses,
    without_thinking,
)
from harness.lifecycle.memory.budget import Budget, Eviction, constant_of
from harness.lifecycle.memory.held import PINNED, START, TAG, Held, Message
from harness.lifecycle.memory.ledger import UsageLedger
from harness.lifecycle.memory.shorten import shorten_content
from harness.lifecycle.memory.summary import SUMMARY_SHARE, Summarizer, folded, summary_content
from harness.lifecycle.memory.tokens import (
    Content,
    TokenCounter,
    count_content,
    count_tokens,
)

_LOW_MARK_MAX = 0.9
_LOG = logging.getLogger("harness.lifecycle")


class MessageWindow(Held):
    """A conversation's newest messages within `max_tokens`.

    `token_counter` maps text to tokens. `system` and `tools` (request shapes) are part of every
    request and counted; `output_reserve` tokens are left free. A cut goes down to `low_mark` of the
    budget, but leaves `cache_minimum` tokens (the shortest prefix that the model caches) and a turn
    more. `oversize` says what happens to a message that cannot fit: "shorten" its middle, or
    "refuse" it with OversizeMessage. `on_evict` hears of every message that leaves, `summarize`
    may fold them into a summary. With `auto` off, nothing is cut until `fit` is called.
    """

    def __init__(
        self,
        max_tokens: int,
        token_counter: TokenCounter = count_tokens,
        *,
        system: Content | None = None,
        tools: Iterable[Block] = (),
        output_reserve: int = 0,
        low_mark: float = 0.6,
        cache_minimum: int = 0,
        oversize: Literal["shorten", "refuse"] = "shorten",
        on_evict: Callable[[Eviction], None] | None = None,
        summarize: Summarizer | None = None,
        ledger: UsageLedger | None = None,
        auto: bool = True,
    ) -> None:
        high = max_tokens - output_reserve
        fixed = constant_of(system, tools, token_counter, high)
        teacher = ledger or UsageLedger()
        if not teacher.answers:
            teacher.constant = max(teacher.constant, fixed)
        super().__init__(token_counter, Budget(high, teacher, learning=ledger is not None))
        self.max_tokens = max_tokens
        self.oversize = oversize
        self.on_evict = on_evict
        self.summarize = summarize
        self.evicted = 0
        self._low_mark = low_mark
        self._cache_minimum = cache_minimum
        self._auto = auto
        self._pushed = 0
        self._calls = OpenCalls()
        self._open = self._calls.ids

    @property
    def low(self) -> float:
        """Down to how many tokens a cut goes: the low mark, or what the model caches at least."""
        high = self.budget.high
        cached = self._cache_minimum + self.turn_tokens() if self._cache_minimum else 0.0
        return max(self._low_mark * high, cached if cached <= _LOW_MARK_MAX * high else 0.0)

    def as_messages(self) -> list[Message]:
        """The messages of the next request, oldest first; treat them as read-only."""
        if self._sum > self._sum_max and self._auto:
            self.fit()
        return self._messages.copy()

    def push(
        self,
        role: str,
        content: Content,
        starts_turn: bool | None = None,
        tag: int | None = None,
        exact: float | None = None,
        fitted: bool = False,
        pinned: bool = False,
    ) -> None:
        """Add the newest message: `role` "user" or "assistant", content text or blocks.

        ValueError for another role, MessageRefused for a blank user message, OversizeMessage as
        declared. `tag` is the caller's ascending number for it, `exact` its tokens where they are
        known; `fitted` content has been through `fitting` and is not looked at again. A `pinned`
        message begins a turn, and stays when that turn is dropped.
        """
        # Plain text that pairs with nothing and surely fits: all of it here, as most messages are.
        if (
            type(content) is str
            and not self._open
            and content
            and not content.isspace()
            and (role == "user" or (role == "assistant" and len(self._rows) > self._head))
            and not pinned
        ):
            start = role == "user" and (starts_turn is not False or len(self._rows) == self._head)
            count = self._counter(content)
            tokens = exact
            if tokens is None:
                tokens = self._ratio * count + self._overhead
                if tokens < 1.0:
                    tokens = 1.0
            turn_sum = tokens if start else self._turn_sum + tokens
            if turn_sum <= self._easy or exact is not None:
                if tag is None:
                    self._pushed = tag = self._pushed + 1
                self._messages.append({"role": role, "content": content})
                self._rows.append((count, start, tag, False))
                self._tokens.append(tokens)
                self._sum += tokens
                self._turn_sum = turn_sum
                if start and self._sum > self._sum_max and self._auto:
                    self.fit()
                return
        self._push_slowly(role, content, starts_turn, tag, exact, fitted, pinned)

    def _push_slowly(
        self,
        role: str,
        content: Content,
        starts_turn: bool | None,
        tag: int | None,
        exact: float | None,
        fitted: bool,
        pinned: bool,
    ) -> None:
        answered: tuple[str, ...] = ()
        if role == "user":
            content, continues, orphans, answered = self._paired(content)
            if not content:
                self._tell(orphans, 0, "a result without its call")
                return
        elif role == "assistant":
            kept, orphans = sendable(content), 0
            if kept is None or len(self._rows) == self._head:
                self._tell(1, 0, "nothing to send" if kept is None else "no user message before it")
                return
            content, continues = kept, True
        else:
            raise ValueError(f"expected the role 'user' or 'assistant', got {role!r}")
        start = not continues if starts_turn is None else starts_turn
        start = start or len(self._rows) == self._head
        if pinned and not start:
            raise ValueError(f"only a message that begins a turn can be pinned, got a {role} one")
        count = count_content(content, self._counter)
        if not fitted and exact is None:
            before = 0.0 if start else self._turn_sum + self._closing_tokens(role)
            most = self.budget.most(role, count, before, 1.0)
            if most is not None:
                content = self._shortened(role, content, count, most)
                count = count_content(content, self._counter)
        # Nothing is refused from here on, and nothing has been changed before.
        if orphans:
            self._tell(orphans, 0, "a result without its call")
        for call_id in answered:
            del self._open[call_id]
        if role == "assistant" or not answered:
            self._close_calls()
        if role == "assistant":
            for call in tool_uses(content):
                self._open[call["id"]] = None
        self._add(role, content, count, start, tag, exact, pinned)
        if start and self._auto:
            self.fit()

    def fitting(
        self, role: str, content: Content, *, starts_turn: bool, share: float = 1.0
    ) -> Content:
        """The content as `push` would keep it: shortened where it is oversize, else as it is.

        `share` is the part of the room that is its own, where several come together.
        """
        count = count_content(content, self._counter)
        turn_sum = 0.0 if starts_turn else self._turn_sum
        most = self.budget.most(role, count, turn_sum, share)
        return content if most is None else self._shortened(role, content, count, most)

    def fit(self) -> Eviction | None:
        """Cut to the low mark where the high mark is passed; None where nothing was cut.

        WindowFull where the newest turn alone is over the budget, even without its margin.
        """
        high = self.budget.high
        if self.bound <= high:
            return None
        return self.cut_to(self.low, high)

    def cut_to(self, low: float, high: float) -> Eviction | None:
        """Drop the oldest turns until the bound is at most `low`, the newest turn always kept."""
        bound, best, rows = self.bound, self._head, self._rows
        needed, left = float(self.tokens), float(self.tokens)
        for index in range(self._head + 1, len(rows)):
            if not rows[index - 1][PINNED]:
                bound -= self._tokens[index - 1]
                left -= self._tokens[index - 1]
            if rows[index][START]:
                best, needed = index, left
                if bound <= low:
                    break
        # A turn that cannot be cut is sent without the margin rather than not at all.
        if needed > high:
            raise WindowFull(
                f"the newest turn with system prompt, tools and pinned messages needs "
                f"{needed:.0f} tokens, the budget is {high:.0f}: raise max_tokens, or send less "
                "at once"
            )
        if needed >= self.tokens:
            return None
        gone, tokens = self._keep_pins(best)
        return self._dropped(gone, tokens, "over the budget", self._folded(gone))

    def cut_before(self, tag: int, *, summary: str | None = None) -> None:
        """Repeat a logged cut: everything before `tag` goes, and all thinking before now."""
        gone, tokens = self._keep_pins(self._place_of(tag))
        self._dropped(gone, tokens, "cut before", summary)

    def drop_turn(self, tag: int) -> None:
        """Take one turn out: its messages from `tag` to the end of the window."""
        gone, tokens = self._take_out(self._place_of(tag), len(self._rows))
        self._recount()
        self._open.clear()
        self._tell(len(gone), int(tokens), "turn taken out")

    def _folded(self, gone: list[Message]) -> str | None:
        """What the hook makes of messages that leave, if there is one and there is room for it."""
        if self.summarize is None or not gone:
            return None
        self._recount()
        had = self._tokens[0] if self._summary is not None else 0.0
        share = SUMMARY_SHARE * self.budget.high
        room = min(share, self.budget.high - self.bound + had) / (1.0 + self.budget.margin)
        most = int((room - self.ledger.overhead) / max(0.1, self.budget.ratio))
        return folded(self.summarize, self._summary, gone, tokens_max=most, counter=self._counter)

    def _dropped(
        self, gone: list[Message], tokens: float, reason: str, summary: str | None
    ) -> Eviction:
        if summary is not None:
            first = self._rows[0][TAG] if self._rows else 0
            self._set_summary(summary, summary_content(summary), first)
        self.strip_thinking()
        return self._tell(len(gone), int(tokens), reason, summary)

    def _paired(self, content: Content) -> Paired:
        """A user message with exactly the results that are waited for."""
        paired = self._calls.pair(content)
        if not paired.continues and not paired.orphans and not paired.content:
            raise MessageRefused(
                "expected a user message with text, got a blank one, which the API refuses"
            )
        return paired

    def _close_calls(self) -> None:
        """Calls that nobody answered get an answer that says so: an orphan is never sent."""
        if self._open:
            results = self._calls.closing()
            self._open.clear()
            count = count_content(results, self._counter)
            self._add("user", results, count, False, self._rows[-1][TAG], None, False)

    def _closing_tokens(self, role: str) -> float:
        if role == "user" or not self._open:
            return 0.0
        return self.ledger.predict(count_content(self._calls.closing(), self._counter))

    def _shortened(self, role: str, content: Content, count: int, most: int) -> Content:
        if self.oversize == "refuse":
            raise OversizeMessage(
                f"a {role} message counts {count} tokens, at most {most} fit beside system prompt, "
                f"tools and its own turn in a window of {self.max_tokens}: split it, or shorten it"
            )
        return shorten_content(content, most, self._counter)

    def _add(
        self,
        role: str,
        content: Content,
        count: int,
        start: bool,
        tag: int | None,
        exact: float | None,
        pinned: bool,
    ) -> None:
        tokens = self.ledger.predict(count) if exact is None else exact
        if tag is None:
            self._pushed = tag = self._pushed + 1
        self._messages.append({"role": role, "content": content})
        self._rows.append((count, start, tag, pinned))
        self._tokens.append(tokens)
        self._sum += tokens
        self._turn_sum = tokens if start else self._turn_sum + tokens
        if role == "assistant" and without_thinking(content) is not content:
            self._thinking = True

    def _tell(
        self, messages: int, tokens: int, reason: str, summary: str | None = None
    ) -> Eviction:
        self.evicted += messages
        eviction = Eviction(messages, tokens, reason, self.first_tag, summary)
        if self.on_evict is not None:
            try:
                self.on_evict(eviction)
            except Exception as error:  # noqa: BLE001 - a hook may raise anything; the cut is made
                _LOG.warning("the eviction hook raised %s: %s", type(error).__name__, error)
        return eviction
