"""The world's tools: where effects really happen, and stay when the target dies.

A tool that is declared idempotent knows a call by its id and answers a repeated one from memory,
without a second effect; the others do again whatever they are told again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.scenario.plan import speak
from harness.scenario.schema import ToolSpec, Words


@dataclass(frozen=True)
class Effect:
    """One thing that happened. `fresh` is False when an idempotent tool had done it before."""

    name: str
    call_id: str | None
    input: Mapping[str, Any]
    result: Any
    fresh: bool


@dataclass
class ToolShed:
    """All tools of a scenario and every effect they had, in order."""

    specs: Mapping[str, ToolSpec]
    effects: list[Effect] = field(default_factory=list)

    def describe(self) -> list[dict[str, Any]]:
        """What a life needs to offer them: name, description, input_schema, contract."""
        return [
            {
                "name": name,
                "description": spec.description or f"The tool {name}.",
                "input_schema": dict(spec.input_schema),
                "contract": spec.contract,
            }
            for name, spec in self.specs.items()
        ]

    def run(self, name: str, call_id: str | None, arguments: Mapping[str, Any]) -> Effect:
        """Let the effect happen; KeyError for a tool that the scenario does not have."""
        spec = self.specs[name]
        known = call_id is not None and any(
            effect.name == name and effect.call_id == call_id for effect in self.effects
        )
        fresh = not (known and spec.contract == "idempotent")
        effect = Effect(name, call_id, arguments, _result(name, spec), fresh)
        self.effects.append(effect)
        return effect


def _result(name: str, spec: ToolSpec) -> Any:
    return spec.returns if spec.words is None else speak(Words(words=spec.words), f"tool/{name}")
