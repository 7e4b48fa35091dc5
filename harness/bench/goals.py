"""The targets: what this project promises of its own speed and cost, held against a run.

Each is a sentence, a bound and where it is read in the rows. A target whose rows were not measured
(another group, a peer that is absent) says so and is neither kept nor missed. `NOTES` holds what is
known of a target that is missed.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from harness.bench.plan import OURS
from harness.bench.row import Report, Target

LONG = 100_000


@dataclass(frozen=True)
class Goal:
    """A target: the value of a report, its bound, and which way is good."""

    group: str
    name: str
    bound: float
    value: Callable[[Report], float | None]
    unit: str = ""
    least: bool = False
    """Whether the bound is a least and not a most."""
    digits: int = 2

    def judge(self, report: Report) -> Target:
        """Hold it against a run."""
        value = self.value(report)
        goal = f"{'>=' if self.least else '<='} {self.bound:,g}{self.unit}"
        if value is None:
            absent = "what it compares was not measured in this run"
            return Target(self.name, goal, "not measured", None, absent)
        kept = value >= self.bound if self.least else value <= self.bound
        measured = f"{value:,.{self.digits}f}{self.unit}"
        note = None if kept else _missed(self, value) + _busy(report)
        return Target(self.name, goal, measured, kept, note)


def _missed(goal: Goal, value: float) -> str:
    times = goal.bound / value if goal.least else value / goal.bound
    return NOTES.get(goal.name, "") or f"missed by a factor of {times:.2f} on this machine"


def _busy(report: Report) -> str:
    """What else was going on, where more was than the cores could bear."""
    load, cores = report.machine.get("load", 0.0), report.machine.get("cores", 1)
    return f"; others were busy on it (load {load:g} on {cores} cores)" if load > cores else ""


def median(
    group: str, subject: str, workload: str, size: int | None = None
) -> Callable[[Report], float | None]:
    """A row's median."""

    def value(report: Report) -> float | None:
        row = report.find(group, subject, workload, size)
        return None if row is None else row.median

    return value


def ratio(
    over: Callable[[Report], float | None], under: Callable[[Report], float | None]
) -> Callable[[Report], float | None]:
    """One value over another."""

    def value(report: Report) -> float | None:
        above, below = over(report), under(report)
        return above / below if above is not None and below else None

    return value


def _largest_exponent(report: Report) -> float | None:
    slopes = [
        row.exponent
        for row in report.rows
        if row.group == "window" and row.subject == OURS and row.exponent is not None
    ]
    return max(slopes, default=None)


def _slowest_turn(report: Report) -> float | None:
    medians = [
        row.median
        for row in report.rows
        if row.group == "window" and row.subject == OURS and row.median is not None
    ]
    return max(medians, default=None)


def _against(
    subject: str, workload: str, size: int | None = None
) -> Callable[[Report], float | None]:
    """How many times as long a peer's turn takes, at its largest size or a given one."""

    def value(report: Report) -> float | None:
        theirs = report.find("window", subject, workload, size)
        if theirs is None:
            return None
        ours = report.find("window", OURS, workload, theirs.size)
        if ours is None or theirs.median is None or not ours.median:
            return None
        return theirs.median / ours.median

    return value


def _append_ratio(report: Report) -> float | None:
    """The middle of the ratios at all sizes: a disk has moods."""
    ratios = [
        1 / row.ratio_to_ours
        for row in report.rows
        if (row.group, row.subject) == ("append", "bare write + fsync") and row.ratio_to_ours
    ]
    return statistics.median(ratios) if ratios else None


def _ledger(unit: str) -> Callable[[Report], float | None]:
    """A figure of ours with the ledger, in the last phase of the larger window."""

    def value(report: Report) -> float | None:
        found = [
            row.median
            for row in report.rows
            if (row.group, row.subject) == ("count", f"{OURS}, with the ledger")
            and (row.workload, row.size, row.unit) == ("ledger 50k", 200, unit)
        ]
        return found[0] if found else None

    return value


def _billed(workload: str) -> Callable[[Report], float | None]:
    return ratio(median("cost", OURS, workload), median("cost", "drop oldest", workload))


OLD = "x of drop oldest"

GOALS: tuple[Goal, ...] = (
    Goal("window", "a turn of the window, at every size", 3.0, _slowest_turn, " us"),
    Goal("window", "growth of a turn from 100 to 100,000 turns", 0.05, _largest_exponent),
    Goal(
        "window",
        "against LangChain, 100,000 turns kept",
        50_000,
        _against("LangChain", "full", LONG),
        "x",
        least=True,
        digits=0,
    ),
    Goal(
        "window",
        "against LangChain, bounded",
        50,
        _against("LangChain", "bounded"),
        "x",
        least=True,
        digits=0,
    ),
    Goal(
        "window",
        "against Strands' window, which counts messages only",
        1.0,
        ratio(
            median("window", OURS, "bounded", LONG), median("window", "Strands", "bounded", LONG)
        ),
        "x",
    ),
    Goal(
        "restore",
        "a restart after 100,000 turns, against a bare tail read",
        2.0,
        ratio(
            median("restore", OURS, "full", LONG), median("restore", "bare tail read", "full", LONG)
        ),
        "x",
    ),
    Goal(
        "restore",
        "a restart after 100,000 turns, against parsing all of it with orjson",
        1_000,
        ratio(
            median("restore", "whole log, orjson", "full", LONG),
            median("restore", OURS, "full", LONG),
        ),
        "x",
        least=True,
        digits=0,
    ),
    Goal("append", "a durable append, against a bare write + fsync", 1.2, _append_ratio, "x"),
    Goal(
        "count",
        "the ledger's mean error after 30 answers, 50k",
        0.2,
        _ledger("mean % off"),
        " %",
        digits=3,
    ),
    Goal(
        "count",
        "the ledger's 95th percentile after 30 answers, 50k",
        1.0,
        _ledger("p95 % off"),
        " %",
        digits=3,
    ),
    Goal(
        "count",
        "requests over the budget after 30 answers, 50k",
        0.1,
        _ledger("% over budget"),
        " %",
        digits=3,
    ),
    Goal(
        "cost", "input billed, agent 50k, 1 min apart", 0.40, _billed("agent 50k, 1 min apart"), OLD
    ),
    Goal(
        "cost", "input billed, chat 50k, 1 min apart", 0.25, _billed("chat 50k, 1 min apart"), OLD
    ),
    Goal(
        "cost",
        "input billed, agent 50k, 10 min apart",
        1.0,
        _billed("agent 50k, 10 min apart"),
        OLD,
    ),
    Goal(
        "cost", "input billed, chat 50k, 10 min apart", 1.0, _billed("chat 50k, 10 min apart"), OLD
    ),
)

NOTES: dict[str, str] = {
    "a turn of the window, at every size": (
        "most of it is counting two messages, so it follows the processor: the bare deque beside "
        "it has the same counter"
    ),
    "against Strands' window, which counts messages only": (
        "ours counts the tokens of every message and checks roles and pairs as it is pushed; "
        "counting alone takes a third of the turn"
    ),
}
"""Why a target is missed, where that is known."""


def judge(report: Report, groups: tuple[str, ...] | list[str]) -> tuple[Target, ...]:
    """The targets of these groups."""
    return tuple(goal.judge(report) for goal in GOALS if goal.group in groups)
