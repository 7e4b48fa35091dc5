"""Load, run, judge, report: the one door for the command line and for pytest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.report.result import Result, Run
from harness.scenario.load import Loaded


class TargetError(ValueError):
    """`--target` names nothing that can be opened: the message says what, and what there is."""


def shipped_targets() -> tuple[str, ...]:
    """The names that `--target` knows, without importing any of them."""
    raise NotImplementedError


def play(
    scenarios: Sequence[Loaded],
    *,
    target: str = "lifecycle",
    seed: int | None = None,
    jobs: int = 1,
    report: Path | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> Run:
    """Play every scenario and judge it.

    `target` is a shipped name or `path/to/file.py:Class`; `seed` overrides each scenario's own.
    With `report`, each record is stored under it as `<story>/record.jsonl`, each verdict beside it
    as `verdict.json`. KeyboardInterrupt ends the run: what was done comes back with
    `interrupted` set, and no process is left behind. TargetError and ScenarioError come before
    anything is played.
    """
    raise NotImplementedError


def replay(
    token: str, scenarios: Sequence[Loaded], *, target: str | None = None, keep: Path | None = None
) -> Result:
    """One case again, alone. The scenario is found by its hash, the target by its name's hash.

    TokenError, and LookupError with a full sentence when either is not to be found.
    """
    raise NotImplementedError


def check(path: Path) -> Result:
    """Judge a stored record again; RecordError where it is none."""
    raise NotImplementedError
