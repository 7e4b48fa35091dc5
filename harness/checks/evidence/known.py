"""What was worked out of one thing, kept for whoever asks of the same thing again.

The cases of a sweep share what was said before their crashes, to the very objects, and each is
judged by itself. So a fact that follows from one object alone is worked out once. The thing is
known by being the same object, which is never changed once it is in a record; how it compares does
not matter. At most `KEPT_MAX` are kept of each fact, for they may be large; then all are forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

KEPT_MAX = 256
Thing = TypeVar("Thing")
Fact = TypeVar("Fact")


def once_for_each(work_out: Callable[[Thing], Fact]) -> Callable[[Thing], Fact]:
    """The same function, which is called once for each object; an exception is not kept."""
    known: dict[int, tuple[Thing, Fact]] = {}

    @wraps(work_out)
    def of(thing: Thing) -> Fact:
        found = known.get(id(thing))
        # It is kept along with its fact, so no other object can have its id meanwhile.
        if found is not None:
            return found[1]
        fact = work_out(thing)
        if len(known) >= KEPT_MAX:
            known.clear()
        known[id(thing)] = thing, fact
        return fact

    return of
