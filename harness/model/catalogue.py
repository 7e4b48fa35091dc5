"""The catalogue: what the mock knows of each model, read from `catalogue.toml`.

Windows and limits in tokens, prices in US dollars a million tokens, with the date and the sources
in the file. A model that is not in it does not exist: the API answers 404 for it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class ModelSpec:
    """One model: its budgets, its prices, and what it refuses."""

    id: str
    display_name: str
    context_window: int
    output_limit: int
    input_price: float
    output_price: float
    cache_read_factor: float
    """The price of a cached token against a fresh one."""
    cache_minimum: int
    """A prefix shorter than this is silently not cached."""
    prefill: bool
    """Whether the last message may be the assistant's."""
    thinking: tuple[str, ...]
    """The `thinking.type` values it takes."""
    thinks_by_default: bool
    thinking_display: str
    forced_tool_choice: bool
    """Whether `tool_choice` may be `any` or `tool`."""
    binds_thinking: bool
    """Whether a thinking block is bound to the conversation before it."""
    sampling: bool
    """Whether it takes temperature, top_p and top_k."""
    system_role: bool
    """Whether a message may have the role system."""
    soft_overflow: bool
    """Whether prompt + max_tokens may exceed the window (and the reply then stops short)."""
    token_scale: float
    requests_per_minute: int
    input_tokens_per_minute: int
    output_tokens_per_minute: int
    created_at: str
    aliases: tuple[str, ...] = ()
    long_prompt_tokens: int | None = None
    """Above this prompt the long prices hold for the whole request."""
    long_input_price: float | None = None
    long_output_price: float | None = None


@dataclass(frozen=True)
class Catalogue:
    """All models by name, as they were on a day, and where that was read."""

    as_of: date
    sources: tuple[str, ...]
    models: Mapping[str, ModelSpec]

    def find(self, name: str) -> ModelSpec | None:
        """The model of that name or alias."""
        return self.models.get(name) or next(
            (spec for spec in self.models.values() if name in spec.aliases), None
        )

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self.models.values())


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue in TOML; ValueError names the model and the field that is wrong."""
    raw = tomllib.loads(text)
    defaults: dict[str, Any] = raw["defaults"]
    known = {field.name for field in fields(ModelSpec)}
    models = {}
    for name, own in raw["models"].items():
        unknown = own.keys() - known
        if unknown:
            raise ValueError(
                f"catalogue.toml: model {name!r} has the field {min(unknown)!r}, which no model "
                f"has; expected one of {', '.join(sorted(known))}"
            )
        values = {**defaults, **own, "id": name}
        values["thinking"] = tuple(values["thinking"])
        values["aliases"] = tuple(values.get("aliases", ()))
        models[name] = ModelSpec(**values)
    return Catalogue(raw["as_of"], tuple(raw["sources"]), models)


@cache
def shipped() -> Catalogue:
    """The catalogue that comes with the package."""
    return parse_catalogue((files("harness.model") / "catalogue.toml").read_text(encoding="utf-8"))
