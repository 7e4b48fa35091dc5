"""What the tests of the published targets share: is the library here, its stories, its page."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.lab import play as lab
from harness.report.result import Result
from harness.scenario.load import Loaded, load
from harness.world.disk.choices import Tier
from harness.world.syscalls.rehearsal import available

LIBRARIES = Path(__file__).parents[2] / "reports" / "libraries"
WORKS, WHY = available()


def needs(extra: str, *packages: str) -> list[pytest.MarkDecorator]:
    """Skips where the extra is not installed, and says how to install it."""
    return [
        pytest.mark.skipif(
            any(_version(package) is None for package in packages),
            reason=f"its library is not installed: uv sync --extra {extra}",
        ),
        pytest.mark.skipif(not WORKS, reason=WHY),
    ]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def story(name: str) -> Loaded:
    """One of the stories that the pages are about."""
    return load(LIBRARIES / "stories" / f"{name}.scenario.yaml")


def played(name: str, target: str) -> Result:
    """That story on a target."""
    (result,) = lab.play([story(name)], target=target).results
    return result


def swept(target: str, states_max: int, tiers: Sequence[Tier] = ("kill", "ext4")) -> Result:
    """The chat, swept; an even sample of so many states a tier."""
    return lab.sweep(story("chat"), target=target, tiers=tiers, states_max=states_max)


def found(result: Result, tier: str = "kill") -> set[str]:
    """The codes that were found at a tier."""
    return {finding.code for finding in result.verdict.findings if finding.tier == tier}


def codes(result: Result) -> set[str]:
    """The codes that were found, at whatever tier."""
    return {finding.code for finding in result.verdict.findings}


def lost_turns(result: Result) -> int:
    """How many turns that were answered are gone at the end, where the story expects none."""
    told = [finding.message for finding in result.verdict.findings]
    counts = [re.fullmatch(r"expect\.lost_turns: expected 0, got (\d+)", text) for text in told]
    return sum(int(count[1]) for count in counts if count)


def pinned(target: str) -> dict[str, str]:
    """The packages that the extra of a target pins, with their versions."""
    project = tomllib.loads((LIBRARIES.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    lines = project["project"]["optional-dependencies"][target]
    return dict(re.sub(r"\[.*\]", "", line).split("==") for line in lines)


def replay_lines(target: str) -> list[tuple[str, str, str]]:
    """The replay lines of a page: story, token, and the codes that it finds."""
    text = (LIBRARIES / f"{target}.md").read_text(encoding="utf-8")
    row = r"^\| `(\w+)` .*`(hx1-[^`]+)` \| ([A-Z0-9, ]+) \|$"
    return re.findall(row, text, re.MULTILINE)
