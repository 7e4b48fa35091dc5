"""The command that plays a case again: printed, copied, pasted, and it works from where it stood.

It names what a replay would not find by itself: a scenario that does not lie on the shelf, a target
that does not come with the package, an interpreter. Whatever a shell would read is quoted.
"""

from __future__ import annotations

import shlex
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.report.result import Result

SHELF = "scenarios"
"""Where scenarios are looked for when no path is given."""
_FOUND_THERE = (".scenario.yaml", "scenario.json")


def replay_command(token: str, scenario: str, target: str | None = None) -> str:
    """`harness replay TOKEN`, with `--in` and `--target` where they are needed.

    `scenario` is its file as the user would write it; `target` what follows `--target`, quoted.
    """
    where = "" if _lies_on_the_shelf(scenario) else f" --in {shlex.quote(scenario)}"
    return f"harness replay {token}{where}" + (f" --target {target}" if target else "")


def replay_of(result: Result, token: str) -> str:
    """The same for one case of a result."""
    target = result.record.header.volatile.get("target")
    scenario = result.scenario_file or result.path
    return replay_command(token, scenario, str(target) if target else None)


def _lies_on_the_shelf(scenario: str) -> bool:
    """Whether a replay that is given no path looks there: a folder that hides is passed over."""
    parts = PurePath(scenario).parts
    hidden = any(part.startswith(".") for part in parts)
    return parts[:1] == (SHELF,) and not hidden and scenario.endswith(_FOUND_THERE)
