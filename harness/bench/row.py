"""What a run of the benchmarks found: rows in groups, targets, and the JSON they are written in.

The JSON is versioned: `{"version": 1, "machine": {...}, "groups": [{"name", "unit", "rows": [{
"subject", "version", "workload", "size", "unit", "median", "ratio_to_ours", "exponent", "note"}]}],
"targets": [{"name", "goal", "measured", "kept", "note"}]}`. Keys are always there. `median` is null
where nothing was measured, and `note` then says why; `kept` is null where nothing can be said.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness.bench.plan import GROUPS, OURS

VERSION = 1


@dataclass(frozen=True)
class Row:
    """One subject under one workload at one size.

    `ratio_to_ours` is the median over ours in the same workload, size and unit, without sign;
    `exponent` is e in `median ~ size ** e`, fitted over all sizes of the subject's workload.
    """

    group: str
    subject: str
    version: str | None
    workload: str
    size: int
    median: float | None
    unit: str
    note: str | None = None
    ratio_to_ours: float | None = None
    exponent: float | None = None


@dataclass(frozen=True)
class Target:
    """What was promised and what was measured, as sentences; `kept` None where it was not."""

    name: str
    goal: str
    measured: str
    kept: bool | None
    note: str | None = None


@dataclass(frozen=True)
class Report:
    """All of a run."""

    machine: Mapping[str, Any]
    rows: tuple[Row, ...]
    targets: tuple[Target, ...] = ()

    def find(self, group: str, subject: str, workload: str, size: int | None = None) -> Row | None:
        """That row, where it was measured; the largest size where none is named."""
        rows = [
            row
            for row in self.rows
            if (row.group, row.subject, row.workload) == (group, subject, workload)
            and row.median is not None
            and size in (None, row.size)
        ]
        return max(rows, key=lambda row: row.size, default=None)


class ReportError(ValueError):
    """A file that holds no report."""


def exponent(points: Iterable[tuple[float, float]]) -> float | None:
    """The slope of a line through the logarithms; None with fewer than two sizes."""
    usable = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y > 0]
    if len({x for x, _ in usable}) < 2:
        return None
    return statistics.linear_regression(*zip(*usable, strict=True)).slope


def related(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with their ratios and exponents."""
    ours = {
        (row.group, row.workload, row.size, row.unit): row.median
        for row in rows
        if row.subject == OURS and row.median
    }
    slopes: dict[tuple[str, ...], list[tuple[float, float]]] = {}
    for row in rows:
        if row.median is not None:
            slopes.setdefault(_line(row), []).append((row.size, row.median))
    return tuple(_related(row, ours, slopes) for row in rows)


def _line(row: Row) -> tuple[str, ...]:
    return (row.group, row.subject, row.workload, row.unit)


def _related(
    row: Row,
    ours: Mapping[tuple[str, str, int, str], float | None],
    slopes: Mapping[tuple[str, ...], list[tuple[float, float]]],
) -> Row:
    mine = ours.get((row.group, row.workload, row.size, row.unit))
    ratio = abs(row.median / mine) if row.median is not None and mine else None
    return replace(row, ratio_to_ours=ratio, exponent=exponent(slopes.get(_line(row), ())))


def dumps(report: Report) -> str:
    """The report as JSON."""
    groups: list[dict[str, Any]] = []
    for name, unit in GROUPS.items():
        rows = [asdict(row) for row in report.rows if row.group == name]
        for row in rows:
            del row["group"]
        if rows:
            groups.append({"name": name, "unit": unit, "rows": rows})
    whole = {
        "version": VERSION,
        "machine": dict(report.machine),
        "groups": groups,
        "targets": [asdict(target) for target in report.targets],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def loads(text: str, name: str) -> Report:
    """The report that `dumps` wrote; ReportError names the file and what is wrong with it."""
    try:
        whole = json.loads(text)
        if whole["version"] != VERSION:
            raise ReportError(
                f"{name}: expected a report of version {VERSION}, got {whole['version']!r}; "
                "write it again with this release"
            )
        rows = [
            Row(group=group["name"], **row) for group in whole["groups"] for row in group["rows"]
        ]
        targets = tuple(Target(**target) for target in whole["targets"])
        return Report(whole["machine"], tuple(rows), targets)
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, ReportError):
            raise
        raise ReportError(
            f"{name}: expected a report that `harness bench --json` wrote, got "
            f"{type(error).__name__}: {error}"
        ) from error
