"""What one scenario came to: its record, its verdict, and the wall time they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.checks.verdict import Outcome, Verdict
from harness.record import Record


def story_of(path: str) -> str:
    """Folder and file name without its ending: `resume/kill_before_tool_result`.

    What a report stored as `scenario.json` is called as the folder that it lies in.
    """
    plain = path.replace("\\", "/").removesuffix("/scenario.json")
    parts = plain.removesuffix(".yaml").removesuffix(".scenario")
    return "/".join(parts.split("/")[-2:])


@dataclass(frozen=True)
class StateCount:
    """Crash states of one tier: how many the disk can tell apart, broke a promise, were judged.

    Of the `legal` ways to crash only so many were `tried` where a bound was hit; 0 is no bound.
    """

    distinct: int
    violating: int
    judged: int
    legal: int = 0
    tried: int = 0


@dataclass(frozen=True)
class RecoveryCount:
    """Second crashes of one tier, while the target recovers from a first one.

    Of `of` states, the recoveries of `recorded` were recorded; they may leave `distinct` states, of
    which `judged` were judged and `violating` broke a promise.
    """

    recorded: int
    of: int
    distinct: int
    violating: int
    judged: int


@dataclass(frozen=True)
class Result:
    """One scenario, played and judged; `states` and `recoveries` by tier where it was swept.

    `scenario_file` is where the scenario lies if that is not `path`: one that was written in Python
    has a name there. `unkept` says why not all that was to be kept could be, in a sentence.
    """

    path: str
    name: str
    record: Record
    verdict: Verdict
    wall_s: float
    states: Mapping[str, StateCount] = field(default_factory=dict)
    recoveries: Mapping[str, RecoveryCount] = field(default_factory=dict)
    scenario_file: str | None = None
    unkept: str = ""

    @property
    def outcome(self) -> Outcome:
        """pass, fail or invalid."""
        return self.verdict.outcome

    @property
    def story(self) -> str:
        """Folder and file name without its ending: `resume/kill_before_tool_result`."""
        return story_of(self.path)


@dataclass(frozen=True)
class Run:
    """Everything that was played. `interrupted` when the user stopped it halfway; `unwritten` says
    why the report could not be stored, in a sentence, and is empty where it was."""

    results: tuple[Result, ...]
    planned: int
    interrupted: bool = False
    unwritten: str = ""

    @property
    def exit_code(self) -> Literal[0, 1, 2, 3, 5]:
        """pytest's codes: 0 kept, 1 broken (beats 3), 2 interrupted, 3 invalid, 5 none to run."""
        outcomes = {result.outcome for result in self.results}
        if self.interrupted:
            return 2
        if "fail" in outcomes:
            return 1
        if "invalid" in outcomes:
            return 3
        return 0 if self.results else 5
