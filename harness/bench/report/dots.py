"""A picture of amounts: a row a subject, a dot an amount, on one axis that all rows share.

Dots and not bars where the axis is logarithmic, since a bar's length would then mean nothing. Two
dots of a row are joined by a thin line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from harness.bench.report.scale import Linear, Log

WIDTH = 500
LEFT, RIGHT, TOP, ROW, BOTTOM = 158, 26, 8, 24, 42


@dataclass(frozen=True)
class Dot:
    """An amount; `kind` is a class of the page, `told` is said of it."""

    value: float
    kind: str
    told: str


@dataclass(frozen=True)
class DotRow:
    """A subject's amounts."""

    name: str
    dots: tuple[Dot, ...]
    ours: bool = False


def chart(
    rows: Sequence[DotRow],
    *,
    title: str,
    x_name: str,
    text: Callable[[float], str],
    logarithmic: bool,
) -> str:
    """The picture as SVG."""
    values = [dot.value for row in rows for dot in row.dots]
    height = TOP + ROW * len(rows) + BOTTOM
    kind: type[Log] | type[Linear] = Log if logarithmic else Linear
    xs = kind.over(values, LEFT, WIDTH - RIGHT)
    bottom = height - BOTTOM
    parts = [
        f'<svg class="dots" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
    ]
    for tick in xs.ticks:
        at = xs.at(tick)
        zero = " zero" if tick == 0 else ""
        parts.append(f'<line class="grid{zero}" x1="{at}" x2="{at}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(f'<text class="tick mid" x="{at}" y="{bottom + 16}">{text(tick)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="axis mid" x="{middle}" y="{height - 6}">{escape(x_name)}</text>')
    for number, row in enumerate(rows):
        parts += _row(row, TOP + ROW * (number + 0.5), xs)
    return "\n".join([*parts, "</svg>"])


def _row(row: DotRow, y: float, xs: Log | Linear) -> list[str]:
    ours = " ours" * row.ours
    places = [xs.at(dot.value) for dot in row.dots]
    parts = [f'<g class="row{ours}">']
    parts.append(f'<text class="end" x="{LEFT - 10}" y="{y + 4}">{escape(row.name)}</text>')
    if len(places) > 1:
        parts.append(
            f'<line class="join" x1="{min(places)}" x2="{max(places)}" y1="{y}" y2="{y}"/>'
        )
    for place, dot in zip(places, row.dots, strict=True):
        told = f"{row.name}: {dot.told}"
        parts.append(
            f'<circle class="{dot.kind}" cx="{place}" cy="{y}" r="5">'
            f"<title>{escape(told)}</title></circle>"
        )
    return [*parts, "</g>"]
