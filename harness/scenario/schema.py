"""What a scenario may say: the model behind the YAML file and the Python call alike.

Pure data, frozen, unknown keys refused. What a field means to the conversation is worked out in
`plan.py`; what is wrong with a value is said here, and `load.py` adds file, line and column.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from harness.protocol import Contract
from harness.scenario.faults import Fault, Strict
from harness.scenario.units import Duration

WordCount = Annotated[int, Field(ge=1, le=1_000_000)]


class Words(Strict):
    """Seeded text by length: `words: 40` or `words: [20, 80]`, in a Faker locale."""

    words: WordCount | tuple[WordCount, WordCount]
    locale: str = "en_US"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if isinstance(self.words, tuple) and self.words[0] > self.words[1]:
            raise ValueError(f"words: [least, most], got [{self.words[0]}, {self.words[1]}]")
        return self


Text = Annotated[str, Field(min_length=1)] | Words


class Clock(Strict):
    """When the conversation starts (ISO 8601, with an offset; UTC where none is given)."""

    start: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class RateLimits(Strict):
    """What the API lets through in a minute; what is left out is as in the catalogue."""

    requests: Annotated[int, Field(ge=1)] | None = None
    input_tokens: Annotated[int, Field(ge=1)] | None = None
    output_tokens: Annotated[int, Field(ge=1)] | None = None


class Model(Strict):
    """The mock Claude of this scenario. `context_window` in tokens, the catalogue's if left out."""

    name: str = "claude-sonnet-5-5"
    context_window: Annotated[int, Field(ge=1)] | None = None
    first_token: Duration = 800_000_000
    tokens_per_second: Annotated[float, Field(gt=0)] = 60.0
    rate_limits: RateLimits | None = None


class Stack(Strict):
    """Settings handed to the target; `options` is for what only that target knows."""

    window_tokens: Annotated[int, Field(ge=1)] | None = None
    checkpoint_every: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    system: str | None = None
    expire_after: Duration | None = None
    turns_per_minute: Annotated[int, Field(ge=1)] | None = None
    options: Mapping[str, Any] = Field(default_factory=dict)


class ToolSpec(Strict):
    """A tool of the world: what it returns, how long it takes, what it promises on repetition.

    `returns` is any JSON; `words: 9000` in its place is a long seeded text.
    """

    returns: Any = None
    words: WordCount | None = None
    takes: Duration = 0
    contract: Contract = "at_most_once"
    description: str = ""
    input_schema: Mapping[str, Any] = Field(default_factory=lambda: {"type": "object"})

    @model_validator(mode="after")
    def _one_result(self) -> Self:
        if self.words is not None and self.returns is not None:
            raise ValueError("either returns or words, not both")
        return self


class Call(Strict):
    """One tool call in a reply."""

    tool: str
    input: Mapping[str, Any] = Field(default_factory=dict)


class Step(Strict):
    """One model call's reply: text (said or by length), tool calls, thinking, a stop reason.

    `tool` with `input` is one call; `tools` is several at once. Text and calls may go together.
    """

    text: Annotated[str, Field(min_length=1)] | None = None
    words: WordCount | tuple[WordCount, WordCount] | None = None
    locale: str = "en_US"
    tool: str | None = None
    input: Mapping[str, Any] | None = None
    tools: tuple[Call, ...] = ()
    think: Text | None = None
    stop: Literal["end_turn", "stop_sequence", "pause_turn", "refusal"] | None = None
    stop_details: Mapping[str, Any] | None = None
    first_token: Duration | None = None
    tokens_per_second: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text is not None and self.words is not None:
            raise ValueError("either text or words, not both")
        if self.input is not None and self.tool is None:
            raise ValueError("input belongs to tool, and there is no tool")
        if self.tool is not None and self.tools:
            raise ValueError("either tool (one call) or tools (several at once), not both")
        if self.text is None and self.words is None and not self.calls and self.stop != "refusal":
            raise ValueError("text, words, tool or tools: a reply says or calls something")
        return self

    @property
    def calls(self) -> tuple[Call, ...]:
        """All tool calls of this reply, in order."""
        if self.tool is not None:
            return (Call(tool=self.tool, input=self.input or {}),)
        return self.tools


def _steps_tag(value: Any) -> str:
    return "several" if isinstance(value, list | tuple) else "one"


Reply = Annotated[
    Annotated[Step, Tag("one")] | Annotated[tuple[Step, ...], Tag("several"), Field(min_length=1)],
    Discriminator(_steps_tag),
]


class Say(Strict):
    """The user writes; the model answers with one step, or one a model call.

    What is said with `pin` is to stay in every request from then on, where the target has pins.
    """

    user: Text
    reply: Reply = Step(words=(20, 60))
    pin: bool = False


class Wait(Strict):
    """Nothing happens for a while."""

    wait: Duration


class Repeat(Strict):
    """The same kind of turn many times, `every` so often."""

    repeat: Annotated[int, Field(ge=1, le=100_000)]
    every: Duration = 0
    user: Text
    reply: Reply = Step(words=(20, 60))


def _line_tag(value: Any) -> str:
    keys: Any = value if isinstance(value, Mapping) else getattr(value, "model_fields_set", ())
    return next((key for key in ("wait", "repeat") if key in keys), "user")


Line = Annotated[
    Annotated[Say, Tag("user")] | Annotated[Wait, Tag("wait")] | Annotated[Repeat, Tag("repeat")],
    Discriminator(_line_tag),
]


class Sweep(Strict):
    """All crash points instead of the scripted ones."""

    crash: Literal["every-operation"] = "every-operation"
    disk: tuple[Literal["kill", "ext4", "posix"], ...] = ("kill",)
    depth: Literal[1, 2] = 1


class Most(Strict):
    """An upper bound, kept when the number is at most `max`."""

    max: Annotated[float, Field(ge=0)]


class Least(Strict):
    """A lower bound, kept when the number is at least `min`."""

    min: Annotated[float, Field(ge=0)]


class ExpectResume(Strict):
    """After the n-th crash: completed turns in the transcript, and the checkpoint's turn."""

    after_crash: Annotated[int, Field(ge=1)] = 1
    transcript: Annotated[int, Field(ge=0)] | None = None
    tool_state: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if self.transcript is None and self.tool_state is None:
            raise ValueError("transcript, tool_state or both")
        return self


class Expect(Strict):
    """Numbers on top of the promises, which hold anyway."""

    resume: ExpectResume | None = None
    lost_turns: Annotated[int, Field(ge=0)] | None = None
    repeated_effects: Annotated[int, Field(ge=0)] | None = None
    rejected_requests: Annotated[int, Field(ge=0)] | None = None
    request_tokens: Most | None = None
    input_tokens_total: Most | None = None
    cost_usd: Most | None = None
    attempts_per_turn: Most | None = None
    seconds_per_turn: Most | None = None
    bytes_read_per_turn: Most | None = None
    failed_sends: Annotated[int, Field(ge=0)] | None = None
    answers_cut_short: Annotated[int, Field(ge=0)] | None = None
    cache_breaks: Most | None = None
    cache_read_share: Least | None = None


class Scenario(Strict):
    """One scripted conversation, what goes wrong in it, and what is expected."""

    name: Annotated[str, Field(min_length=1)]
    about: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    clock: Clock = Clock()
    model: Model = Model()
    session: Annotated[str, Field(min_length=1)] = "session-1"
    """The session's id, as the target is handed it."""
    stack: Stack = Stack()
    tools: Mapping[str, ToolSpec] = Field(default_factory=dict)
    script: Annotated[tuple[Line, ...], Field(min_length=1)]
    faults: tuple[Fault, ...] = ()
    sweep: Sweep | None = None
    expect: Expect = Expect()

    def dump(self) -> dict[str, Any]:
        """JSON-like data that `Scenario.model_validate` reads back; unset fields are left out."""
        return self.model_dump(mode="json", exclude_unset=True)
