"""A run against a stored one: what has changed, and by how much.

Ratios and exponents are compared wherever the stored run comes from. Absolute times are compared on
the same machine only; another machine's are named as such and left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.bench.machine import differences
from harness.bench.plan import OURS
from harness.bench.row import Report, Row

TIME_TOLERANCE = 0.25
"""Medians of one machine differ by so much from run to run."""
EXPONENT_TOLERANCE = 0.1


def compare(before: Report, now: Report, name: Path | str) -> list[str]:
    """Sentences on what has changed since `before`, which came from `name`."""
    other = differences(now.machine, before.machine)
    said = [f"against {name}:"]
    if other:
        said.append(
            f"  it is from another machine ({'; '.join(other)}): absolute times are not compared, "
            "ratios and exponents are"
        )
    changes = [*_changes(before, now, times=not other)]
    return said + (changes or ["  nothing has changed beyond what runs differ by"])


def _changes(before: Report, now: Report, *, times: bool) -> Iterator[str]:
    known = {_key(row): row for row in before.rows}
    for row in now.rows:
        old = known.get(_key(row))
        if old is None or row.median is None or old.median is None:
            continue
        where = f"  {row.group}, {row.subject}, {row.workload}, {row.size:,}"
        if row.subject == OURS:
            if times and old.median and abs(row.median / old.median - 1) > TIME_TOLERANCE:
                yield (
                    f"{where}: {old.median:,.3g} -> {row.median:,.3g} {row.unit} "
                    f"({row.median / old.median - 1:+.0%})"
                )
        elif row.ratio_to_ours and old.ratio_to_ours:
            change = row.ratio_to_ours / old.ratio_to_ours - 1
            if abs(change) > TIME_TOLERANCE:
                yield (
                    f"{where}: {old.ratio_to_ours:,.3g}x -> {row.ratio_to_ours:,.3g}x ours "
                    f"({change:+.0%})"
                )
    yield from _slopes(known, now)


def _slopes(known: dict[tuple[object, ...], Row], now: Report) -> Iterator[str]:
    told = set()
    for row in now.rows:
        old = known.get(_key(row))
        line = (row.group, row.subject, row.workload, row.unit)
        if old is None or row.exponent is None or old.exponent is None or line in told:
            continue
        told.add(line)
        if abs(row.exponent - old.exponent) > EXPONENT_TOLERANCE:
            yield (
                f"  {row.group}, {row.subject}, {row.workload}: growth n^{old.exponent:+.2f} -> "
                f"n^{row.exponent:+.2f}"
            )


def _key(row: Row) -> tuple[object, ...]:
    return (row.group, row.subject, row.workload, row.size, row.unit)
