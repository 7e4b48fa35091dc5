"""A request as the rules see it: parsed once, its JSON types already right, its messages merged.

What is refused here is what has no shape at all (not JSON, a list where an object belongs, a block
without a type); everything that is well-formed but forbidden is a rule's business and has a switch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from harness.model.message import MARKS, Block, Message, Refusal, bad, read_blocks, read_messages

REMEMBERED_SETTINGS_BYTES_MAX = 100_000
REMEMBERED_SETTINGS_MAX = 256
Placed = tuple[int, int, Block]
"""A block and where it stands: message index, block index, the block."""


class Exchange(NamedTuple):
    """Consecutive messages of one role, merged: the role, the first index, all blocks."""

    role: str
    first: int
    blocks: list[Placed]


@dataclass(frozen=True, eq=False)
class Settings:
    """What a body says beside its messages. One object for all requests that say the same, so that
    whoever works something out from it alone can remember it by that."""

    model: str
    system: Sequence[Block]
    tools: Sequence[Block]
    max_tokens: int | None
    stream: bool
    thinking: Mapping[str, Any]
    tool_choice: Mapping[str, Any]
    stop_sequences: tuple[str, ...]
    betas: frozenset[str]
    version: str
    counting: bool


@dataclass(frozen=True, eq=False)
class Request(Settings):
    """A parsed body."""

    settings: Settings
    raw: Mapping[str, Any]
    messages: tuple[Message, ...]
    traits: int
    """Those of all messages, and of there being such."""

    @cached_property
    def merged(self) -> tuple[Exchange, ...]:
        """The messages, those of one role in a row made one; without those of the role system."""
        return _merge(self.messages)

    @property
    def output_format(self) -> object:
        """The output format asked for, if any: part of what a cache entry depends on."""
        return (self.raw.get("output_config") or {}).get("format")

    @cached_property
    def cache_marks(self) -> tuple[tuple[str, Block], ...]:
        """Every block with a cache_control and its place, in the order tools, system, messages."""
        return tuple(self._marked())

    def _marked(self) -> Iterator[tuple[str, Block]]:
        for index, tool in enumerate(self.tools):
            if tool.get("cache_control"):
                yield f"tools.{index}", tool
        for index, block in enumerate(self.system):
            if block.get("cache_control"):
                yield f"system.{index}", block
        for index, message in enumerate(self.messages if self.traits & MARKS else ()):
            if message.traits & MARKS:
                for place, block in enumerate(message.blocks):
                    if block.get("cache_control"):
                        yield f"messages.{index}.content.{place}", block


def read_body(body: bytes) -> Mapping[str, Any]:
    """The JSON object in a body; Refusal where there is none."""
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise bad(f"The request body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise bad("Input should be a valid dictionary or object to extract fields from")
    return value


def read_json(body: bytes) -> Mapping[str, Any] | None:
    """What `read_body` would return, or None: for whoever needs it beside the model."""
    try:
        return read_body(body)
    except Refusal:
        return None


def parse(
    raw: Mapping[str, Any],
    *,
    betas: frozenset[str] = frozenset(),
    version: str = "",
    counting: bool = False,
) -> Request:
    """The request in a JSON object; Refusal where a field has the wrong JSON type."""
    messages, traits = read_messages(_listed(raw, "messages"))
    settings = _settings_of(raw, betas, version, counting)
    # A frozen dataclass sets each of its fields through a call: here that is most of the work.
    request = Request.__new__(Request)
    request.__dict__.update(
        vars(settings), settings=settings, raw=raw, messages=messages, traits=traits
    )
    return request


_SETTINGS: dict[tuple[object, ...], Settings] = {}


def _settings_of(
    raw: Mapping[str, Any], betas: frozenset[str], version: str, counting: bool
) -> Settings:
    beside = {name: value for name, value in raw.items() if name != "messages"}
    data = to_json(beside, inf_nan_mode="constants")
    key = (data, betas, version, counting)
    settings = _SETTINGS.get(key)
    if settings is None:
        settings = _settings(raw, betas, version, counting)
        if len(data) <= REMEMBERED_SETTINGS_BYTES_MAX:
            if len(_SETTINGS) >= REMEMBERED_SETTINGS_MAX:
                _SETTINGS.clear()
            _SETTINGS[key] = settings
    return settings


def _settings(
    raw: Mapping[str, Any], betas: frozenset[str], version: str, counting: bool
) -> Settings:
    max_tokens = raw.get("max_tokens")
    if max_tokens is not None and (isinstance(max_tokens, bool) or not isinstance(max_tokens, int)):
        raise bad("max_tokens: Input should be a valid integer")
    model = raw.get("model", "")
    if not isinstance(model, str):
        raise bad("model: Input should be a valid string")
    stream = raw.get("stream", False)
    if not isinstance(stream, bool):
        raise bad("stream: Input should be a valid boolean")
    stops = _listed(raw, "stop_sequences")
    if not all(isinstance(stop, str) for stop in stops):
        raise bad("stop_sequences: Input should be a valid list of strings")
    for name in ("metadata", "output_config", "cache_control"):
        _object(raw, name)
    return Settings(
        model=model,
        system=_system(raw.get("system")),
        tools=_tools(_listed(raw, "tools")),
        max_tokens=max_tokens,
        stream=stream,
        thinking=_object(raw, "thinking"),
        tool_choice=_object(raw, "tool_choice"),
        stop_sequences=tuple(stops),
        betas=betas,
        version=version,
        counting=counting,
    )


def _listed(raw: Mapping[str, Any], name: str) -> list[Any]:
    value = raw.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad(f"{name}: Input should be a valid list")
    return value


def _object(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad(f"{name}: Input should be a valid dictionary or object to extract fields from")
    return value


def _system(value: Any) -> Sequence[Block]:
    if value is None:
        return ()
    if isinstance(value, str):
        return ({"type": "text", "text": value},) if value else ()
    if not isinstance(value, list):
        raise bad("system: Input should be a valid string or list")
    return read_blocks(value, "system")


def _tools(values: list[Any]) -> Sequence[Block]:
    for index, tool in enumerate(values):
        if not isinstance(tool, dict):
            raise bad(f"tools.{index}: Input should be a valid dictionary")
        if not isinstance(tool.get("name"), str):
            raise bad(f"tools.{index}.custom.name: Field required")
        mark = tool.get("cache_control")
        if mark is not None and not isinstance(mark, dict):
            raise bad(f"tools.{index}.cache_control: Input should be a valid dictionary")
    return values


def _merge(messages: tuple[Message, ...]) -> tuple[Exchange, ...]:
    merged: list[Exchange] = []
    for index, message in enumerate(messages):
        if message.role == "system":
            continue
        if len(message.blocks) == 1:
            placed = [(index, 0, message.blocks[0])]
        else:
            placed = [(index, place, block) for place, block in enumerate(message.blocks)]
        if merged and merged[-1].role == message.role:
            merged[-1].blocks.extend(placed)
        else:
            merged.append(Exchange(message.role, index, placed))
    return tuple(merged)
