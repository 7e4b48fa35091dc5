"""A picture of growth: logarithmic both ways, a line a subject, its name at the end of the line.

On such axes a power is a straight line and its exponent the slope. A size that was not measured has
no point: a line ends where measuring ended, with an open mark where a cap ended it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from harness.bench.report.scale import Log, apart

WIDTH, HEIGHT = 800, 380
LEFT, RIGHT, TOP, BOTTOM = 66, 236, 14, 46
LABEL_GAP = 15


@dataclass(frozen=True)
class Line:
    """A subject's points, and whether a cap ended them; `color` is a class of the page."""

    name: str
    points: tuple[tuple[float, float], ...]
    color: str
    ours: bool = False
    floor: bool = False
    capped: bool = False
    told: str = ""
    """Beside the name: the exponent."""


def chart(
    lines: Sequence[Line],
    *,
    title: str,
    x_name: str,
    y_name: str,
    y_text: Callable[[float], str],
    y_values: Sequence[float] | None = None,
) -> str:
    """The picture as SVG; `y_values` are what the axis has to hold, where several share one."""
    drawn = [line for line in lines if line.points]
    xs = Log.over([x for line in drawn for x, _ in line.points], LEFT, WIDTH - RIGHT)
    own = [y for line in drawn for _, y in line.points]
    ys = Log.over(own if y_values is None else y_values, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        *_axes(xs, ys, x_name, y_name, y_text),
        *(part for line in drawn for part in _line(line, xs, ys, y_text)),
        *_names(drawn, ys),
        "</svg>",
    ]
    return "\n".join(parts)


def _axes(xs: Log, ys: Log, x_name: str, y_name: str, y_text: Callable[[float], str]) -> list[str]:
    parts = []
    for y in ys.ticks:
        at = ys.at(y)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 8}" y="{at + 4}">{y_text(y)}</text>')
    bottom = HEIGHT - BOTTOM
    for x in xs.ticks:
        at = xs.at(x)
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(f'<text class="tick mid" x="{at}" y="{bottom + 18}">{x:,.0f}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="axis mid" x="{middle}" y="{HEIGHT - 6}">{escape(x_name)}</text>')
    parts.append(
        f'<text class="axis mid" transform="translate(12 {(TOP + bottom) / 2}) rotate(-90)">'
        f"{escape(y_name)}</text>"
    )
    return parts


def _line(line: Line, xs: Log, ys: Log, y_text: Callable[[float], str]) -> list[str]:
    kind = f"{line.color}{' ours' * line.ours}{' floor' * line.floor}"
    places = [(xs.at(x), ys.at(y)) for x, y in line.points]
    path = " ".join(f"{x},{y}" for x, y in places)
    parts = [f'<g class="{kind}"><polyline points="{path}"/>']
    for (x, y), (size, value) in zip(places, line.points, strict=True):
        last = (size, value) == line.points[-1]
        hollow = ' class="open"' if line.capped and last else ""
        told = f"{line.name}: {y_text(value)} at {size:,.0f}"
        if hollow:
            told += "; not measured beyond"
        radius = 5 if hollow else 4 if line.ours else 3
        parts.append(
            f'<circle{hollow} cx="{x}" cy="{y}" r="{radius}"><title>{escape(told)}</title></circle>'
        )
    return [*parts, "</g>"]


def _names(lines: Sequence[Line], ys: Log) -> list[str]:
    ends = [ys.at(line.points[-1][1]) for line in lines]
    places = apart(ends, LABEL_GAP, TOP + 4, HEIGHT - BOTTOM)
    x = WIDTH - RIGHT + 14
    parts = []
    for line, place in zip(lines, places, strict=True):
        kind = f"name {line.color}{' ours' * line.ours}{' floor' * line.floor}"
        parts.append(
            f'<g class="{kind}"><line x1="{x - 8}" x2="{x + 8}" y1="{place}" y2="{place}"/>'
            f'<text x="{x + 14}" y="{place + 4}">{escape(line.name)}'
            f'<tspan class="told"> {escape(line.told)}</tspan></text></g>'
        )
    return parts
