"""The story of each promise: how it is usually broken, how to keep it, and who reported that.

Data in `stories.toml`; each report is a public one, cited for what it says.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Report:
    """A public issue or pull request; `says` in our words."""

    repository: str
    number: int
    says: str

    @property
    def url(self) -> str:
        """Its address; a pull request is reached through the same one."""
        return f"https://github.com/{self.repository}/issues/{self.number}"


@dataclass(frozen=True)
class Story:
    """What to know about a code beyond the promise itself."""

    cause: str
    fix: str
    reports: tuple[Report, ...]


def stories() -> dict[str, Story]:
    """The stories by code."""
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {code: _story(told) for code, told in data.items()}


def _story(told: dict[str, Any]) -> Story:
    reports = tuple(Report(*report) for report in told["reports"])
    return Story(" ".join(told["cause"].split()), " ".join(told["fix"].split()), reports)
