"""From files to scenarios: finding them, reading them, and saying exactly what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.scenario.schema import Scenario


@dataclass(frozen=True)
class Loaded:
    """A scenario and the file it came from, as the user wrote the path."""

    path: str
    scenario: Scenario


class ScenarioError(ValueError):
    """A file is no scenario. The message reads `file:line:column: expected …, got …; remedy`."""


def find(paths: Sequence[Path]) -> list[Path]:
    """All `*.scenario.yaml` under these files and folders, sorted; ScenarioError where none is."""
    raise NotImplementedError


def load(path: Path) -> Loaded:
    """Read one file; ScenarioError names the place and both sides."""
    raise NotImplementedError
