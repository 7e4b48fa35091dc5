"""One HTML page of a run: pictures, targets, every table. It opens offline and asks nobody for
anything.

Light and dark follow the reader. Both workloads are drawn on the same axes, our losses with the
same ink, and what was not measured is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from harness.bench.groups.cost import CONDITIONS, POLICIES
from harness.bench.plan import OURS
from harness.bench.report import dots, lines
from harness.bench.report.scale import dollars, seconds
from harness.bench.report.tell import Table, power, tables, targets_table
from harness.bench.row import Report, Row

_SCALES = {"us/turn": 1e-6, "us/message": 1e-6, "ms": 1e-3}
_COLORS = 9
_Y_NAMES = {"window": "a turn", "restore": "a restart", "append": "a message"}
_FLOORS = ("bare deque", "bare tail read", "bare write + fsync")
_KINDS = {"code": "k0", "prose": "k1", "cjk": "k2", "json": "k3"}


def page(report: Report) -> str:
    """The whole page."""
    machine = report.machine
    about = ", ".join(str(machine[key]) for key in ("cpu", "system", "python") if key in machine)
    style = (files("harness.bench.report") / "page.css").read_text(encoding="utf-8")
    body = "\n".join(
        [
            "<h1>What remembering costs</h1>",
            f'<p class="about">Measured on {escape(about)}, {machine.get("cores", "?")} cores. '
            "Every number is of this one run; nothing is filled in from elsewhere.</p>",
            *_targets(report),
            *_growth(report),
            *_cost(report),
            *_counters(report),
            "<h2>All figures</h2>",
            *(_table(table) for table in tables(report)),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>What remembering costs</title>\n<style>\n{style}</style>\n</head>\n"
        "<body>\n<main>\n"
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def _targets(report: Report) -> Iterator[str]:
    if report.targets:
        yield "<h2>Targets</h2>"
        yield _table(targets_table(report.targets))


def _growth(report: Report) -> Iterator[str]:
    every = [
        row.median * 1e-6 for row in report.rows if row.group == "window" and row.median is not None
    ]
    captions = {
        ("window", "full"): "A turn of the window, the whole history kept",
        ("window", "bounded"): "A turn of the window, what was trimmed thrown away",
        ("restore", "full"): "A restart, by the length of the conversation",
        ("append", "full"): "A durable append, by what was stored before",
    }
    for (group, workload), caption in captions.items():
        drawn = _lines(report, group, workload)
        if not drawn:
            continue
        picture = lines.chart(
            drawn,
            title=caption,
            x_name="turns of conversation",
            y_name="a message"
            if group == "append"
            else "a turn"
            if group == "window"
            else "a restart",
            y_text=seconds,
            y_values=every if group == "window" else None,
        )
        yield _figure(caption, picture, _about(report, group, workload))


def _lines(report: Report, group: str, workload: str) -> list[lines.Line]:
    rows = [row for row in report.rows if (row.group, row.workload) == (group, workload)]
    drawn = []
    for number, subject in enumerate(dict.fromkeys(row.subject for row in rows)):
        own = [row for row in rows if row.subject == subject]
        points = tuple(
            (row.size, row.median * _SCALES[row.unit]) for row in own if row.median is not None
        )
        slope = own[0].exponent
        drawn.append(
            lines.Line(
                subject,
                points,
                f"c{number % _COLORS}",
                ours=subject == OURS,
                floor=subject in _FLOORS,
                capped=any(row.median is None for row in own),
                told="" if slope is None else power(slope),
            )
        )
    return drawn


def _about(report: Report, group: str, workload: str) -> str:
    rows = [row for row in report.rows if (row.group, row.workload) == (group, workload)]
    told = "Both axes are logarithmic. An open mark: a cap ended the line; its table says why."
    empty: dict[str, list[str]] = {}
    for subject in dict.fromkeys(row.subject for row in rows):
        own = [row for row in rows if row.subject == subject]
        if all(row.median is None for row in own):
            empty.setdefault((own[0].note or "Empty").split()[0].strip(":"), []).append(subject)
    return told + "".join(
        f" {why.capitalize()}: {', '.join(names)}." for why, names in empty.items()
    )


def _cost(report: Report) -> Iterator[str]:
    rows = [row for row in report.rows if row.group == "cost" and row.median is not None]
    if not rows:
        return
    yield "<h2>What a conversation of 200 turns is billed</h2>"
    yield (
        '<p class="key"><span class="dot near"></span> a minute between turns '
        '<span class="dot far"></span> ten minutes, when the cache has expired. The axis is '
        "logarithmic. What is cheaper than ours remembers less; the table says how much.</p>"
    )
    yield '<div class="panels">'
    for name in dict.fromkeys(condition.partition(",")[0] for condition in CONDITIONS):
        drawn = [_policy(rows, name, policy.name) for policy in POLICIES]
        shown = [row for row in drawn if row.dots]
        title = f"{name}: input billed"
        picture = dots.chart(
            shown, title=title, x_name="US dollars", text=dollars, logarithmic=True
        )
        yield _figure(title, picture, "")
    yield "</div>"


def _policy(rows: Sequence[Row], name: str, policy: str) -> dots.DotRow:
    found = []
    for kind, gap in (("near", "1 min"), ("far", "10 min")):
        for row in rows:
            if row.subject == policy and row.workload == f"{name}, {gap} apart":
                assert row.median is not None
                told = f"{dollars(row.median)}, {gap} apart; {row.note}"
                found.append(dots.Dot(row.median, kind, told))
    return dots.DotRow(policy, tuple(found), ours=policy == OURS)


def _counters(report: Report) -> Iterator[str]:
    rows = [row for row in report.rows if row.group == "count" and row.workload in _KINDS]
    measured = [row for row in rows if row.median is not None]
    if not measured:
        return
    drawn = []
    for subject in dict.fromkeys(row.subject for row in measured):
        found = [
            dots.Dot(row.median, _KINDS[row.workload], f"{row.median:+.0f} % on {row.workload}")
            for row in measured
            if row.subject == subject and row.median is not None
        ]
        drawn.append(dots.DotRow(subject, tuple(found), ours=subject == OURS))
    title = "How far counters are from the mock's ruler"
    picture = dots.chart(
        drawn,
        title=title,
        x_name="percent too many or too few",
        text=lambda value: f"{value:+.0f} %" if value else "0",
        logarithmic=False,
    )
    key = "".join(f'<span class="dot {kind}"></span> {name} ' for name, kind in _KINDS.items())
    yield "<h2>Counting</h2>"
    yield f'<p class="key">{key}</p>'
    yield _figure(title, picture, rows[0].note or "")


def _figure(caption: str, picture: str, about: str) -> str:
    said = f"<p><small>{escape(about)}</small></p>" if about else ""
    return f"<figure>\n<figcaption>{escape(caption)}</figcaption>\n{picture}\n{said}</figure>"


def _table(table: Table) -> str:
    words = {"kept": "kept", "MISSED": "missed", "not measured": "unknown"}
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    body = "\n".join(
        f'<tr class="{words.get(line[-1], "ours" if line[0] == OURS else "")}">'
        + "".join(f"<td>{escape(cell)}</td>" for cell in line)
        + "</tr>"
        for line in table.lines
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    notes = f"<ul>{notes}</ul>" if notes else ""
    return (
        f'<section class="table"><h3>{escape(table.title)}</h3>\n'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>{notes}</section>"
    )
