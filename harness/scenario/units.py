"""Durations as people write them (`90s`, `3m`, `5h`, `2d`), kept in whole nanoseconds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_FORM = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)")


def parse_duration(value: object) -> int:
    """Nanoseconds of `90s`, `1.5h`, a timedelta or a Duration's own integer; ValueError else."""
    if isinstance(value, timedelta):
        return (value.days * 86_400 + value.seconds) * 1_000_000_000 + value.microseconds * 1_000
    if isinstance(value, str) and (match := _FORM.fullmatch(value.strip())):
        whole, _, fraction = match[1].partition(".")
        unit = UNITS_NS[match[2]]
        part = int(fraction) * unit // 10 ** len(fraction) if fraction else 0
        return int(whole) * unit + part
    raise ValueError("a duration such as 90s, 3m, 5h or 2d")


def format_duration(duration_ns: int) -> str:
    """The shortest exact way to write it: 18000000000000 -> `5h`."""
    for unit in ("d", "h", "m", "s", "ms", "us"):
        if duration_ns and duration_ns % UNITS_NS[unit] == 0:
            return f"{duration_ns // UNITS_NS[unit]}{unit}"
    return f"{duration_ns}ns" if duration_ns else "0s"


def parse_jump(value: object) -> int:
    """The same with a sign before it: `-2h`, `+90s`; without one it is forward."""
    text = value.strip() if isinstance(value, str) else value
    if isinstance(text, str) and text[:1] in ("-", "+"):
        return parse_duration(text[1:]) * (-1 if text[0] == "-" else 1)
    return parse_duration(text)


def format_jump(jump_ns: int) -> str:
    """The shortest exact way to write it, with a minus where it goes back."""
    return f"{'-' if jump_ns < 0 else ''}{format_duration(abs(jump_ns))}"


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": _FORM.pattern, "examples": ["90s", "3m", "5h", "2d"]}
    ),
]
"""Whole nanoseconds of virtual time, written as `800ms`, `90s`, `3m`, `5h`, `2d`."""

Jump = Annotated[
    int,
    BeforeValidator(parse_jump),
    PlainSerializer(format_jump, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": rf"[+-]?{_FORM.pattern}", "examples": ["-2h", "+30m"]}
    ),
]
"""Whole nanoseconds forward or, with a minus, back: `-2h`, `+30m`."""
