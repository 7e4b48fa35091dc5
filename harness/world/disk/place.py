"""An operation's place in a trace, short enough for a token, and what became of it in another one.

`88.3k0f9a1c2b7d`: just before operation 88 of a trace that looked like this until there. The digits
are sums of the trace's shape: the last five of all of it, the first seven of one stretch each, so
that another trace can tell where it went another way. What comes after the place does not count.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.world.syscalls.operations import Operation

STRETCHES = 7
WHOLE = 5
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_FORM = re.compile(rf"(\d+)\.([{_DIGITS}]{{{STRETCHES + WHOLE}}})")


@dataclass(frozen=True)
class Place:
    """Just before operation `at`; `sums` are the digits."""

    at: int
    sums: str

    def __str__(self) -> str:
        return f"{self.at}.{self.sums}"


def place_of(operations: Sequence[Operation], at: int) -> Place:
    """The place of an operation, or of the end where `at` is their number.

    The operation itself counts too: a state may stop in its midst.
    """
    shapes = [operation.shape() for operation in operations[: at + 1]]
    stretches = (_sum(shapes[first:end], 1) for first, end in _stretches(at + 1))
    return Place(at, "".join(stretches) + _sum(shapes, WHOLE))


def read_place(text: str) -> Place | None:
    """The place that a token writes; None where it writes none."""
    match = _FORM.fullmatch(text)
    return None if match is None else Place(int(match[1]), match[2])


def diverged(operations: Sequence[Operation], place: Place) -> tuple[int, int] | None:
    """Between which operations this trace left the way to the place; None where it leads there.

    It left it at one of `first` up to and without `end`.
    """
    now = place_of(operations, place.at).sums
    if now == place.sums:
        return None
    for number, (first, end) in enumerate(_stretches(place.at + 1)):
        if now[number] != place.sums[number]:
            return first, end
    return 0, place.at + 1


def _stretches(count: int) -> Sequence[tuple[int, int]]:
    edges = [count * number // STRETCHES for number in range(STRETCHES + 1)]
    return [*pairwise(edges)]


def _sum(shapes: Sequence[str], digits: int) -> str:
    hashed = hashlib.blake2b("\n".join(shapes).encode(), digest_size=8).digest()
    number = int.from_bytes(hashed, "little")
    return "".join(_DIGITS[number >> 5 * digit & 31] for digit in range(digits))
