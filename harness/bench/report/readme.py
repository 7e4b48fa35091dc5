"""The README's figures: tables in Markdown out of a stored run, between two marks.

`python -m harness.bench.report.readme` writes them anew from `docs/bench.json`; a test compares.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from harness.bench.report.tell import Table, tables, targets_table
from harness.bench.row import Report, loads

ROOT = Path(__file__).parents[3]
STORED = ROOT / "docs" / "bench.json"
README = ROOT / "README.md"
BEGIN = "<!-- bench: written by `python -m harness.bench.report.readme` from docs/bench.json -->"
END = "<!-- /bench -->"
SHOWN = "window, full"


def figures(report: Report) -> str:
    """The tables, and what they were measured on."""
    machine = ", ".join(str(report.machine[key]) for key in ("cpu", "python"))
    shown = [table for table in tables(report) if table.title.startswith(SHOWN)]
    parts = [f"Measured on {machine}, {report.machine['cores']} cores; processor time, medians."]
    parts += [markdown(replace(table, notes=())) for table in shown]
    parts.append("`-`: over the cap of time that a run has. The targets, in the same run:")
    parts.append(markdown(targets_table(report.targets)))
    return "\n\n".join(parts)


def markdown(table: Table) -> str:
    """A table, its title in the corner, its notes below."""
    header = (table.title, *table.header[1:])
    lines = [header, ("---", *("---:" for _ in header[1:])), *table.lines]
    rows = ["| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines]
    notes = ["", *(f"- {note}" for note in table.notes)] if table.notes else []
    return "\n".join([*rows, *notes])


def between_marks(text: str, report: Report) -> str:
    """The README with these figures in it; ValueError where the marks are missing."""
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"README.md: expected the marks {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{figures(report)}\n{END}{after}"


if __name__ == "__main__":
    stored = loads(STORED.read_text(encoding="utf-8"), str(STORED))
    README.write_text(between_marks(README.read_text(encoding="utf-8"), stored), encoding="utf-8")
    sys.stdout.write(f"wrote the figures of {STORED} into {README}\n")
