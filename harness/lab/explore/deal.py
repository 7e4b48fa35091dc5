"""The dealer: even draws from Hypothesis's strategies that follow from a number and nothing else.

Hypothesis's own backend looks for what is odd: small numbers, repetitions, and the constants of
whatever modules happen to be loaded. This one is a backend of ours (Hypothesis documents the
interface and its registry): each choice is as likely as the next, so that a share in the world is a
share among the cases, and the same number deals the same on any day. It refuses what has no ends:
a number without bounds, a float, free text.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NoReturn, TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider
from hypothesis.strategies import SearchStrategy

BACKEND = "harness-even"
_EXAMPLES = 2
"""Hypothesis begins with the simplest there is, which is nobody's draw; then comes ours."""
_T = TypeVar("_T")


class Unbounded(TypeError):
    """A strategy asks for a choice that has no ends: draw from a list or between two numbers."""


class Even(PrimitiveProvider):
    """Each choice as likely as the next; one of these deals one example."""

    number: ClassVar[int] = 0

    def __init__(self, conjecturedata: Any, /) -> None:
        super().__init__(conjecturedata)
        self._dice = random.Random(self.number)

    def draw_boolean(self, p: float = 0.5) -> bool:
        """True that often."""
        return self._dice.random() < p

    def draw_integer(
        self, min_value: int | None = None, max_value: int | None = None, **_: Any
    ) -> int:
        """Between both ends, all alike."""
        if min_value is None or max_value is None:
            raise Unbounded("expected a number between two ends, got one without")
        return self._dice.randint(min_value, max_value)

    def draw_float(self, **_: Any) -> NoReturn:
        """Refused."""
        raise Unbounded("expected a choice from a list, got a float")

    def draw_string(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        raise Unbounded("expected a choice from a list, got free text")

    def draw_bytes(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        raise Unbounded("expected a choice from a list, got bytes")


def deal(strategy: SearchStrategy[_T], number: int) -> _T:
    """One example, the same for the same number."""
    drawn: list[_T] = []
    with _dealing(number):

        @settings(
            backend=BACKEND,
            max_examples=_EXAMPLES,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def draw(example: _T) -> None:
            drawn.append(example)

        draw()
    return drawn[-1]


@contextmanager
def _dealing(number: int) -> Iterator[None]:
    AVAILABLE_PROVIDERS[BACKEND] = type("Numbered", (Even,), {"number": number})
    try:
        yield
    finally:
        del AVAILABLE_PROVIDERS[BACKEND]
