"""A report on the terminal: a table a group and workload, the targets, and what has to be added.

On a terminal rich paints it; elsewhere the same columns come as plain text. A table has a line a
subject, a column a size, then the exponent of growth and how many times ours it is at the largest
size that both were measured at. Notes follow, each once, with the subjects that they are about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from harness.bench.plan import GROUPS, OURS
from harness.bench.row import Report, Row, Target
from harness.report.text import painter

TITLES: Mapping[str, str] = {
    "window": "push one turn and get a 6,000-token window",
    "count": "how far a counter is from the mock's ruler",
    "restore": "a restart",
    "append": "a durable append of one message",
    "cost": "what a conversation of 200 turns is billed",
    "sim": "the lab itself",
}
NOTHING = "-"


@dataclass(frozen=True)
class Table:
    """A title, a header, lines of cells, and notes."""

    title: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def tables(report: Report) -> Iterator[Table]:
    """Every group and workload."""
    for group in GROUPS:
        rows = [row for row in report.rows if row.group == group]
        for workload, unit in dict.fromkeys((row.workload, row.unit) for row in rows):
            chosen = [row for row in rows if (row.workload, row.unit) == (workload, unit)]
            yield _table(group, workload, unit, chosen)


def number(value: float | None) -> str:
    """Three digits that mean something, thousands apart."""
    if value is None:
        return NOTHING
    if value != 0 and abs(value) < 0.001:
        return f"{value:.1e}"
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def _table(group: str, workload: str, unit: str, rows: Sequence[Row]) -> Table:
    sizes = sorted({row.size for row in rows})
    subjects = list(dict.fromkeys(row.subject for row in rows))
    cells = {(row.subject, row.size): row for row in rows}
    several = len(sizes) > 1
    lines = []
    for subject in subjects:
        own = [cells.get((subject, size)) for size in sizes]
        measured = [row for row in own if row is not None and row.median is not None]
        version = next((row.version for row in own if row is not None and row.version), None)
        line = [f"{subject} {version}" if version else subject]
        line += [number(None if row is None else row.median) for row in own]
        if several:
            line.append(_exponent(measured))
        line.append(_times_ours(subject, measured))
        lines.append(tuple(line))
    header = ("", *(f"{size:,}" for size in sizes), *(["growth"] * several), "times ours")
    return Table(
        f"{group}, {workload}: {TITLES[group]}, {unit}", header, tuple(lines), _notes(rows)
    )


def _exponent(measured: Sequence[Row]) -> str:
    slope = measured[-1].exponent if measured else None
    return NOTHING if slope is None else power(slope)


def power(slope: float) -> str:
    """A growth: `n^0.94`; next to none is `n^0`."""
    return "n^0" if abs(slope) < 0.005 else f"n^{slope:.2f}"


def _times_ours(subject: str, measured: Sequence[Row]) -> str:
    if subject == OURS:
        return ""
    ratios = [row.ratio_to_ours for row in measured if row.ratio_to_ours is not None]
    return f"{number(ratios[-1])}x" if ratios else NOTHING


def _notes(rows: Sequence[Row]) -> tuple[str, ...]:
    said: dict[str, list[str]] = {}
    every = {row.size for row in rows}
    for row in rows:
        if row.note:
            said.setdefault(f"{row.subject}: {row.note}", []).append(f"{row.size:,}")
    return tuple(
        note if len(sizes) == len(every) else f"{note} (at {' and '.join(sizes)})"
        for note, sizes in said.items()
    )


def targets_table(targets: Sequence[Target]) -> Table:
    """The targets, kept or not."""
    words = {True: "kept", False: "MISSED", None: "not measured"}
    lines = tuple((each.name, each.goal, each.measured, words[each.kept]) for each in targets)
    notes = tuple(f"{each.name}: {each.note}" for each in targets if each.note)
    return Table("targets", ("", "goal", "measured", ""), lines, notes)


def tell(report: Report, stream: IO[str]) -> None:
    """Say all of it."""
    shown = [*tables(report)]
    if report.targets:
        shown.append(targets_table(report.targets))
    write = _painted if stream.isatty() else _plain
    for table in shown:
        write(table, stream)


def _plain(table: Table, stream: IO[str]) -> None:
    lines = [table.header, *table.lines]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.header))]
    stream.write(f"\n{table.title}\n")
    for line in lines:
        cells = [f"{line[0]:<{widths[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True)]
        stream.write("  " + "  ".join(cells).rstrip() + "\n")
    stream.writelines(f"    {note}\n" for note in table.notes)


def _painted(table: Table, stream: IO[str]) -> None:
    from rich.markup import escape
    from rich.table import Table as RichTable

    console = painter(stream, soft_wrap=False)
    shown = RichTable(title=escape(table.title), title_justify="left", title_style="bold", box=None)
    for column, name in enumerate(table.header):
        shown.add_column(escape(name), justify="right" if column else "left", header_style="dim")
    for line in table.lines:
        style = {"kept": "green", "MISSED": "bold red"}.get(line[-1])
        ours = "bold" if line[0] == OURS else None
        shown.add_row(*(escape(cell) for cell in line), style=style or ours)
    console.print()
    console.print(shown)
    for note in table.notes:
        console.print(f"    {escape(note)}", style="dim", soft_wrap=True)
