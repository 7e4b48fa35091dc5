"""`explore`: the door to the hunt. Finds the target, sets the budget, plays through the lab."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from harness.lab import play as lab
from harness.lab.explore.hunt import CASES_MAX, Hunt, Hunter, Play
from harness.lab.targets import find_target
from harness.report.result import Result
from harness.scenario.load import Loaded

REFERENCE = "lifecycle"
"""The stack that must keep every promise of a case that is held against another."""


class Interrupted(Exception):
    """The user stopped the hunt; `came` is what had come of it."""

    def __init__(self, came: Hunt) -> None:
        super().__init__()
        self.came = came


def explore(
    *,
    target: str = REFERENCE,
    base: Loaded | None = None,
    seed: int = 0,
    budget_ns: int,
    cases_max: int = CASES_MAX,
    folder: Path,
    on_case: Callable[[int, int], None] = lambda _cases, _found: None,
) -> Hunt:
    """Invent and play for `budget_ns` of real time, or `cases_max` cases; write what is found.

    A finding in hand is shrunk to its end, which may take some seconds beyond the budget. With
    `base` only settings and faults are invented, the script is that scenario's. TargetError before
    anything is played, Interrupted where the user stopped it.
    """
    find_target(target)
    ends = time.monotonic() + budget_ns / 1e9
    hunter = Hunter(
        target=target,
        play=player(target),
        reference=None if target == REFERENCE else player(REFERENCE),
        folder=folder,
        over=lambda: time.monotonic() >= ends,
        on_case=on_case,
    )
    try:
        return hunter.hunt(seed, base, cases_max)
    except KeyboardInterrupt as stopped:
        raise Interrupted(hunter.came()) from stopped


def player(target: str) -> Play:
    """Plays one scenario at a time on a target; KeyboardInterrupt where it was stopped."""

    def play(loaded: Loaded) -> Result:
        run = lab.play([loaded], target=target)
        if run.interrupted or not run.results:
            raise KeyboardInterrupt
        return run.results[0]

    return play
