"""A conversation without a network, a disk or an SDK: the stack's window, the mock's ruler and
prices.

The script says what is said; the policy says what is dropped and whether the prompt cache is used.
Each request is counted by the mock's meter, priced by its bill in virtual time, and told to the
window's ledger as the API's `usage` would be. So the same figures say what remembering costs, and
how far the window's belief was from the truth at each request.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.bench.talk import kinds
from harness.lifecycle import MessageWindow, UsageLedger
from harness.lifecycle.memory.tokens import TokenCounter, count_tokens
from harness.lifecycle.turns.request import RequestShape
from harness.model.bill import PromptCache, Usage, cost_usd
from harness.model.catalogue import ModelSpec, shipped
from harness.model.meter import Meter, count_text, scaled
from harness.model.request import parse

MODEL = "claude-opus-4-8"
"""Caches from 1,024 tokens on, reads at a tenth of the price."""
SECOND_NS = 1_000_000_000
TOKENS_PER_SECOND = 1_000
FIRST_TOKEN_NS = SECOND_NS
SYSTEM = "Be kind and exact. " * 20
TOOL = {
    "name": "look_up",
    "description": "Look a passage up in the library.",
    "input_schema": {"type": "object", "properties": {"words": {"type": "integer"}}},
}
SUMMARY_WORDS = 300
KEEP_ALL_TOKENS = 100_000_000
Kind = Literal["agent", "chat"]


@dataclass(frozen=True)
class Policy:
    """What is dropped, and when: down to `low_mark` of the window once it is full."""

    name: str
    low_mark: float = 0.6
    cached: bool = True
    summary: bool = False
    keep_all: bool = False
    learning: bool = True
    """Whether the API's counts come back to the window."""


@dataclass(frozen=True)
class Step:
    """One reply, and the result of the call that it makes, if it makes one."""

    said: str
    result: str | None = None


@dataclass(frozen=True)
class Said:
    """A turn: what the user says, and the replies to it."""

    user: str
    steps: tuple[Step, ...]


@dataclass
class Books:
    """What a conversation came to."""

    input_usd: float = 0.0
    read: int = 0
    prompt_tokens: list[int] = field(default_factory=list)
    believed: list[int] = field(default_factory=list)
    cuts: int = 0

    @property
    def requests(self) -> int:
        """How many there were."""
        return len(self.prompt_tokens)

    @property
    def kept(self) -> float:
        """Tokens of a prompt, on average."""
        return sum(self.prompt_tokens) / self.requests

    @property
    def read_share(self) -> float:
        """Of all prompts, what was read from the cache."""
        return self.read / sum(self.prompt_tokens)

    def errors(self, first: int = 0, last: int | None = None) -> list[float]:
        """How far the belief was from the truth, as a share, at each request."""
        pairs = zip(self.believed[first:last], self.prompt_tokens[first:last], strict=True)
        return [believed / told - 1 for believed, told in pairs]


class Writer:
    """Seeded prose, whose words are common."""

    WORDS = (  # noqa: SIM905
        "a ship that nobody had expected came into the harbour before noon and by evening every "
        "room of the old house on the hill was full of people who knew its captain or said they did"
    ).split()

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)

    def prose(self, mean: float, spread: float, least: int, most: int = 5_000) -> str:
        """So many words, drawn log-normally around `e ** mean`."""
        words = int(self.source.lognormvariate(mean, spread))
        return " ".join(self.source.choices(self.WORDS, k=max(least, min(most, words)))) + "."


def script(kind: Kind, turns: int, window_tokens: int, seed: int = 3) -> tuple[Said, ...]:
    """An agent's work (short orders, up to six look-ups each) or a chat (long answers, no tools).

    In a small window results are shorter: what a tool gives is cut to what a window can hold.
    """
    writer = Writer(seed)
    most = min(2_500, window_tokens // 20)
    return tuple(_turn(writer, kind, number, most) for number in range(1, turns + 1))


def _turn(writer: Writer, kind: Kind, number: int, most: int) -> Said:
    user = f"{number}: " + writer.prose(3.6, 0.8, 6, most)
    if kind == "chat":
        return Said(user, (Step(writer.prose(6.3, 0.7, 60, most)),))
    looks = writer.source.choice([0, 0, 1, 1, 2, 3, 4, 6])
    steps = [
        Step(writer.prose(3.0, 0.6, 5, 40), writer.prose(5.2, 1.1, 15, most)) for _ in range(looks)
    ]
    return Said(user, (*steps, Step(writer.prose(4.5, 0.7, 10, most))))


def mixed(turns: int, window_tokens: int, seed: int) -> tuple[Said, ...]:
    """A chat in prose, code, CJK and JSON, as each of them puts a counter to the test."""
    source = random.Random(seed)
    texts = {kind: "\n".join(pieces) for kind, pieces in kinds().items()}
    most = window_tokens // 3

    def text(weights: Sequence[int]) -> str:
        whole = texts[source.choices(("prose", "code", "json", "cjk"), weights)[0]]
        length = min(most, max(40, int(source.lognormvariate(6.0, 0.9))))
        at = source.randrange(max(1, len(whole) - length))
        return whole[at : at + length].strip() or "so be it"

    return tuple(
        Said(f"{number}: " + text((40, 20, 30, 10)), (Step(text((60, 28, 2, 10))),))
        for number in range(1, turns + 1)
    )


class Rehearsal:
    """Plays scripts under policies; the meter remembers texts from one to the next."""

    def __init__(self, model: str = MODEL) -> None:
        spec = shipped().find(model)
        assert spec is not None, model
        self._spec: ModelSpec = spec
        self._meter = Meter()

    def play(
        self,
        said: Sequence[Said],
        policy: Policy,
        *,
        window_tokens: int,
        gap_s: float,
        counter: TokenCounter = count_tokens,
    ) -> Books:
        """The whole conversation, `gap_s` between an answer and the next message."""
        return _Play(self._spec, self._meter, policy, window_tokens, counter).speak(said, gap_s)


class _Play:
    def __init__(
        self,
        spec: ModelSpec,
        meter: Meter,
        policy: Policy,
        window_tokens: int,
        counter: TokenCounter,
    ) -> None:
        self._spec, self._meter, self._policy = spec, meter, policy
        self._cache = PromptCache()
        self._shape = RequestShape(
            model=spec.id, max_tokens=4_096, system=SYSTEM, tools=[TOOL], options={}
        )
        self._window = MessageWindow(
            KEEP_ALL_TOKENS if policy.keep_all else window_tokens,
            counter,
            system=SYSTEM,
            tools=[TOOL],
            low_mark=policy.low_mark,
            cache_minimum=spec.cache_minimum,
            summarize=self._summarize if policy.summary else None,
            ledger=UsageLedger() if policy.learning else None,
            auto=False,
        )
        self._now_ns = 0
        self._calls = 0
        self.books = Books()

    def speak(self, said: Sequence[Said], gap_s: float) -> Books:
        for turn in said:
            self._now_ns += int(gap_s * SECOND_NS)
            self._window.push("user", turn.user)
            for step in turn.steps:
                self._ask(step)
        return self.books

    def _ask(self, step: Step) -> None:
        window, books = self._window, self.books
        books.cuts += window.fit() is not None
        messages = window.as_messages()
        answered = (i for i in range(len(messages) - 1, 0, -1) if messages[i]["role"] != "user")
        usage = self._bill(messages, next(answered, 0) - 1)
        books.believed.append(window.tokens)
        books.prompt_tokens.append(usage.prompt_tokens)
        books.read += usage.cache_read_input_tokens
        if self._policy.learning:
            window.learn(usage.prompt_tokens)
        self._now_ns += FIRST_TOKEN_NS + self._hear(step) * SECOND_NS // TOKENS_PER_SECOND

    def _hear(self, step: Step) -> int:
        """Take the reply in, as billed, and the result of its call; its output tokens."""
        window = self._window
        blocks: list[dict[str, Any]] = [{"type": "text", "text": step.said}]
        if step.result is not None:
            self._calls += 1
            call_id = f"toolu_{self._calls:08d}"
            blocks.append(
                {"type": "tool_use", "id": call_id, "name": "look_up", "input": {"words": 9}}
            )
        tokens = sum(scaled(self._meter.block(block)[0], self._spec) for block in blocks)
        exact = tokens + window.ledger.overhead if self._policy.learning else None
        window.push("assistant", blocks, exact=exact)
        if step.result is not None:
            result = {"type": "tool_result", "tool_use_id": call_id, "content": step.result}
            window.push("user", [result])
        return tokens

    def _bill(self, messages: list[dict[str, Any]], also_at: int) -> Usage:
        raw = self._shape.request(messages, also_at=also_at)
        request = parse(raw if self._policy.cached else _unmarked(raw))
        usage = self._cache.bill(
            self._meter.prompt(request, self._spec),
            request,
            self._spec,
            now_ns=self._now_ns,
            begins_ns=self._now_ns + FIRST_TOKEN_NS,
        )
        self.books.input_usd += cost_usd(usage, self._spec)
        return usage

    def _summarize(self, before: str | None, gone: Sequence[dict[str, Any]]) -> str:
        """The same model reads what leaves and writes a summary: both are paid for."""
        asked = [] if before is None else [{"role": "user", "content": before}]
        words = " ".join(Writer.WORDS[i % len(Writer.WORDS)] for i in range(SUMMARY_WORDS))
        self._bill([*asked, *gone, {"role": "user", "content": "Summarise this."}], len(gone) - 1)
        written = Usage(0, output_tokens=count_text(words))
        self.books.input_usd += cost_usd(written, self._spec)
        return words


def _unmarked(value: Any) -> Any:
    """The request without its cache breakpoints."""
    if isinstance(value, dict):
        return {key: _unmarked(each) for key, each in value.items() if key != "cache_control"}
    if isinstance(value, list):
        return [_unmarked(each) for each in value]
    return value
