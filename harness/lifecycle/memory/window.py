"""The window: the newest messages that fit the budget, always a valid start of a request.

The budget is the whole request: system prompt, tools and frames (the ledger's constant), messages,
and what is reserved for the output. Pushing past the high mark (the budget, on the safe bound) cuts
the oldest turns down to the low mark in one go, so the prompt cache is broken once, not at every
turn. A cut falls only at a user turn's start; a tool call and its result, paired by id, are never
parted; the newest user message stays. A request never starts with the assistant and never holds an
orphan. What cannot fit by itself is shortened or refused. The window never touches the disk.

Work is amortised O(1): each message is counted once and dropped once; sums are kept running.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from harness.lifecycle.errors import MessageRefused, OversizeMessage, WindowFull
from harness.lifecycle.memory.blocks import (
    Block,
    sendable,
    tool_results,
    tool_uses,
    unknown_result,
    without_thinking,
)
from harness.lifecycle.memory.budget import Budget, Eviction, constant_of
from harness.lifecycle.memory.ledger import UsageLedger
from harness.lifecycle.memory.shorten import shorten_content
from harness.lifecycle.memory.tokens import (
    Content,
    TokenCounter,
    count_content,
    count_tokens,
)

Message = dict[str, Any]


class MessageWindow:
    """A conversation's newest messages within `max_tokens`.

    `token_counter` maps text to tokens. `system` and `tools` (request shapes) are part of every
    request and counted; `output_reserve` tokens are left free. `oversize` says what happens to a
    message that cannot fit: "shorten" its middle, or "refuse" it with OversizeMessage. `on_evict`
    hears of every message that leaves. With `auto` off, nothing is cut until `fit` is called.
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
        oversize: Literal["shorten", "refuse"] = "shorten",
        on_evict: Callable[[Eviction], None] | None = None,
        ledger: UsageLedger | None = None,
        auto: bool = True,
    ) -> None:
        self.max_tokens = max_tokens
        self.low_mark = low_mark
        self.oversize = oversize
        self.on_evict = on_evict
        self.evicted = 0
        self._counter = token_counter
        self._auto = auto
        high = max_tokens - output_reserve
        fixed = constant_of(system, tools, token_counter, high)
        self.ledger = ledger or UsageLedger()
        if not self.ledger.answers:
            self.ledger.constant = max(self.ledger.constant, fixed)
        self.budget = Budget(high, self.ledger, learning=ledger is not None)
        self._thinking = False
        self._messages: list[Message] = []
        self._counts: list[int] = []
        self._tokens: list[float] = []
        self._starts: list[bool] = []
        self._tags: list[int] = []
        self._sum = 0.0
        self._turn_sum = 0.0
        self._sent = 0
        self._stripped = -1
        self._unsent_sum = 0.0
        self._pushed = 0
        self._open: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def tokens(self) -> int:
        """Tokens of the whole request as believed now, rounded up."""
        return int(self.ledger.constant + self._sum) + 1

    @property
    def bound(self) -> float:
        """The safe bound on the whole request: what is known, and the rest with its margin."""
        return self.budget.base + self._sum + self.budget.margin * self._unsent_sum

    def as_messages(self) -> list[Message]:
        """The messages of the next request, oldest first; treat them as read-only."""
        budget = self.budget
        if self._auto and self._sum + budget.margin * self._unsent_sum > budget.limit:
            self.fit()
        return self._messages.copy()

    def push(
        self,
        role: str,
        content: Content,
        *,
        starts_turn: bool | None = None,
        tag: int | None = None,
        exact: float | None = None,
        fitted: bool = False,
    ) -> None:
        """Add the newest message: `role` "user" or "assistant", content text or blocks.

        ValueError for another role, MessageRefused for a blank user message, OversizeMessage as
        declared. `tag` is the caller's ascending number for it, `exact` its tokens where they are
        known; `fitted` content has been through `fitting` and is not looked at again.
        """
        if type(content) is str and self._quick(role, content, starts_turn, tag, exact):
            return
        if role == "user":
            content, continues = self._pair(content)
            if not content:
                return
        elif role == "assistant":
            kept = sendable(content)
            if kept is None or not self._messages:
                self._tell(1, 0, "nothing to send" if kept is None else "no user message before it")
                return
            self._close_calls()
            content, continues = kept, True
        else:
            raise ValueError(f"expected the role 'user' or 'assistant', got {role!r}")
        start = not continues if starts_turn is None else starts_turn or not self._messages
        count = count_content(content, self._counter)
        if not fitted and exact is None:
            turn_sum = 0.0 if start else self._turn_sum
            most = self.budget.most(role, count, turn_sum, 1.0)
            if most is not None:
                content = self._shortened(role, content, count, most)
                count = count_content(content, self._counter)
        if role == "assistant":
            for call in tool_uses(content):
                self._open[call["id"]] = None
        self._add(role, content, count, start, tag, exact)
        if start and self._auto:
            self.fit()

    def _quick(
        self,
        role: str,
        content: str,
        starts_turn: bool | None,
        tag: int | None,
        exact: float | None,
    ) -> bool:
        """The common case in few steps: plain text that pairs with nothing and surely fits."""
        if self._open or not content or content.isspace():
            return False
        if role == "user":
            start = starts_turn is not False or not self._messages
        elif role == "assistant" and self._messages:
            start = False
        else:
            return False
        budget = self.budget
        count = self._counter(content)
        tokens = exact
        if tokens is None:
            tokens = budget.ratio * count + budget.overhead
            if tokens < 1.0:
                tokens = 1.0
            if tokens + (0.0 if start else self._turn_sum) > budget.easy:
                return False
        self._append({"role": role, "content": content}, count, tokens, start, tag)
        if start and self._auto and self._sum + budget.margin * self._unsent_sum > budget.limit:
            self.fit()
        return True

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
        return self.cut_to(high * self.low_mark, high)

    def cut_to(self, low: float, high: float) -> Eviction | None:
        """Drop the oldest turns until the bound is at most `low`, the newest turn always kept."""
        index, bound, best = 0, self.bound, 0
        for index in range(1, len(self._messages)):
            bound -= self._tokens[index - 1]
            if self._starts[index]:
                best = index
                if bound <= low:
                    break
        # A turn that cannot be cut is sent without the margin rather than not at all.
        needed = self.tokens - sum(self._tokens[:best])
        if needed > high:
            raise WindowFull(
                f"the newest turn with system prompt and tools needs {needed:.0f} tokens, the "
                f"budget is {high:.0f}: raise max_tokens, or send less at once"
            )
        return self._drop(best, "over the budget") if best else None

    def cut_before(self, tag: int) -> None:
        """Repeat a logged cut: everything before `tag` goes, and all thinking before now."""
        index = next((i for i, each in enumerate(self._tags) if each >= tag), len(self._tags))
        self._drop(index, "cut before")

    def drop_turn(self, tag: int) -> None:
        """Take one turn out: its messages from `tag` to the end of the window."""
        index = next((i for i, each in enumerate(self._tags) if each >= tag), len(self._tags))
        gone = len(self._messages) - index
        tokens = sum(self._tokens[index:])
        for column in (self._messages, self._counts, self._tokens, self._starts, self._tags):
            del column[index:]
        self._sent = min(self._sent, index)
        self._recount()
        self._open.clear()
        self._tell(gone, int(tokens), "turn taken out")

    def strip_thinking(self, before: int | None = None) -> None:
        """Leave out all thinking (before a tag): it is bound to a prefix that is not sent again."""
        if before is None:
            before = self._tags[-1] + 1 if self._tags else 0
        self._stripped = max(self._stripped, before)
        for index, message in enumerate(self._messages if self._thinking else ()):
            if self._tags[index] >= before:
                break
            content = without_thinking(message["content"])
            if content is not message["content"]:
                count = count_content(content, self._counter)
                self._tokens[index] *= count / max(1, self._counts[index])
                self._counts[index] = count
                self._messages[index] = {"role": message["role"], "content": content}
        self._recount()

    def learn(self, prompt_tokens: int) -> None:
        """The API has counted the request of the messages now here: `prompt_tokens` in all."""
        unsent = list(zip(self._counts[self._sent :], self._tokens[self._sent :], strict=True))
        known = self._sum - sum(tokens for _, tokens in unsent)
        self._tokens[self._sent :] = self.ledger.learn(prompt_tokens, known, unsent)
        self._sent = len(self._messages)
        self.budget.learning = True
        self._recount()

    def state(self) -> dict[str, Any]:
        """All that was learned and decided about the messages now here, JSON-like."""
        return {
            "tags": self._tags.copy(),
            "tokens": self._tokens.copy(),
            "sent": self._sent,
            "stripped": self._stripped,
            "lowered": self.budget.lowered,
            "ledger": self.ledger.state(),
        }

    def adopt(self, state: Mapping[str, Any]) -> bool:
        """Take over the `state()` of a window that held these messages; False for others."""
        if state["tags"] != self._tags:
            return False
        self._tokens = list(state["tokens"])
        self._sent = state["sent"]
        self.ledger = self.budget.ledger = UsageLedger.restored(state["ledger"])
        self.budget.learning = True
        if state["lowered"] is not None:
            self.budget.lower(state["lowered"])
        kept = self._tokens.copy()
        self.strip_thinking(before=state["stripped"])
        self._tokens = kept
        self._recount()
        return True

    def _pair(self, content: Content) -> tuple[Content, bool]:
        """A user message with exactly the results that are waited for, and whether it is one."""
        results = tool_results(content)
        if not results and not self._open:
            kept = sendable(content)
            if not kept:
                raise MessageRefused(
                    "expected a user message with text, got a blank one, which the API refuses"
                )
            return kept, False
        wanted = [self._open.pop(each["tool_use_id"], 0) is None for each in results]
        if not all(wanted):
            self._tell(wanted.count(False), 0, "a result without its call")
        blocks: list[Block] = [each for each, keep in zip(results, wanted, strict=True) if keep]
        if isinstance(content, str) or len(results) < len(content):
            rest = content if isinstance(content, str) else _not_results(content)
            if not blocks:
                self._close_calls()
                return rest, False
            blocks += map(unknown_result, self._open)
            self._open.clear()
            blocks += rest if isinstance(rest, list) else [{"type": "text", "text": rest}]
        return blocks, True

    def _close_calls(self) -> None:
        """Calls that nobody answered get an answer that says so: an orphan is never sent."""
        if self._open:
            results: Content = [unknown_result(call_id) for call_id in self._open]
            self._open.clear()
            count = count_content(results, self._counter)
            self._add("user", results, count, False, self._tags[-1], None)

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
    ) -> None:
        tokens = self.ledger.predict(count) if exact is None else exact
        self._append({"role": role, "content": content}, count, tokens, start, tag)
        if role == "assistant" and without_thinking(content) is not content:
            self._thinking = True

    def _append(
        self, message: Message, count: int, tokens: float, start: bool, tag: int | None
    ) -> None:
        self._messages.append(message)
        self._counts.append(count)
        self._tokens.append(tokens)
        self._starts.append(start)
        self._pushed += 1
        self._tags.append(self._pushed if tag is None else tag)
        self._sum += tokens
        self._unsent_sum += tokens
        if start:
            self._turn_sum = tokens
        else:
            self._turn_sum += tokens

    def _drop(self, count: int, reason: str) -> Eviction:
        tokens = sum(self._tokens[:count])
        for column in (self._messages, self._counts, self._tokens, self._starts, self._tags):
            del column[:count]
        self._sent = max(0, self._sent - count)
        self.strip_thinking()
        return self._tell(count, int(tokens), reason)

    def _recount(self) -> None:
        self._sum = sum(self._tokens)
        self._unsent_sum = sum(self._tokens[self._sent :])
        self._turn_sum = 0.0
        for tokens, start in zip(reversed(self._tokens), reversed(self._starts), strict=True):
            self._turn_sum += tokens
            if start:
                break
        self.budget.refresh()

    def _tell(self, messages: int, tokens: int, reason: str) -> Eviction:
        self.evicted += messages
        eviction = Eviction(messages, tokens, reason, self._tags[0] if self._tags else None)
        if self.on_evict is not None:
            self.on_evict(eviction)
        return eviction


def _not_results(content: list[Block]) -> list[Block]:
    return [block for block in content if block.get("type") != "tool_result"]
