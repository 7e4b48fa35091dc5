"""Scales and axes: where a value stands, which ticks an axis has, and labels that do not overlap.

A logarithmic axis runs over whole decades; a linear one has zero in it. Nothing is cut off.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Log:
    """Whole decades from `low` to `high`, laid from one pixel to another."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float) -> Log:
        """The decades that hold these values; at least one."""
        seen = [value for value in values if value > 0] or [1.0]
        low = 10.0 ** math.floor(math.log10(min(seen)) + 1e-9)
        high = 10.0 ** math.ceil(math.log10(max(seen)) - 1e-9)
        return cls(low, max(high, low * 10), start, end)

    def at(self, value: float) -> float:
        """The pixel of a value."""
        share = math.log10(value / self.low) / math.log10(self.high / self.low)
        return round(self.start + share * (self.end - self.start), 2)

    @property
    def ticks(self) -> list[float]:
        """Every decade, or every second or third where there are many."""
        first, last = round(math.log10(self.low)), round(math.log10(self.high))
        step = 1 + (last - first) // 9
        return [10.0**power for power in range(first, last + 1, step)]


@dataclass(frozen=True)
class Linear:
    """From `low` to `high` in steps, with zero among them."""

    low: float
    high: float
    start: float
    end: float
    step: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float) -> Linear:
        """Round numbers that hold these values and zero."""
        seen = [0.0, *values]
        step = _step(max(seen) - min(seen))
        low = math.floor(min(seen) / step) * step
        high = max(math.ceil(max(seen) / step) * step, low + step)
        return cls(low, high, start, end, step)

    def at(self, value: float) -> float:
        """The pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)

    @property
    def ticks(self) -> list[float]:
        """Round numbers, six or so."""
        first, last = round(self.low / self.step), round(self.high / self.step)
        return [self.step * number for number in range(first, last + 1)]


def _step(span: float) -> float:
    raw = (span or 1.0) / 6
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= raw)


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places moved as little as needed, so that each is `gap` from the next; their order stays."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for before, index in zip([None, *order], order, strict=False):
        floor = low if before is None else moved[before] + gap
        moved[index] = max(moved[index], floor)
    ceiling = high
    for index in reversed(order):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - gap
    return [round(place, 2) for place in moved]


def seconds(value: float) -> str:
    """A time in its own unit: `250 us`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size * 0.9995:
            return f"{value / size:,.4g} {unit}"
    return f"{value / 1e-9:,.3g} ns"


def dollars(value: float) -> str:
    """Dollars, cents only where they matter."""
    return f"${value:,.2f}" if value < 10 else f"${value:,.0f}"
