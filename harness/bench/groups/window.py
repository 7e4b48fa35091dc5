"""A turn of the window: push what the user says and what is answered, and get what is to be sent.

Every subject gets the same texts and a window of 6,000 tokens by its own counter. The floor is a
deque with a running sum and the counter of ours, which knows nothing of tools, pins or validity.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import count
from typing import Any

import pytest

from harness.bench.peers.shelf import Trimmer, offering, peer_of
from harness.bench.plan import (
    FILL_CAP_S,
    GROUPS,
    OURS,
    SETTLE_CAP_S,
    SIZES,
    WINDOW_TOKENS,
    WORKLOADS,
    Case,
)
from harness.bench.stopwatch import Capped, Stopwatch, capped
from harness.bench.talk import POOL, Turn, pool, turns
from harness.lifecycle import MessageWindow
from harness.lifecycle.memory.tokens import count_tokens

FLOOR = "bare deque"
LOW = 0.6
REBUILT_UP_TO = 1_000
"""A history no longer than this is built anew for each round: measuring must not grow it."""


def cases(*, peers: bool) -> list[Case]:
    """Ours, the floor, and the peers, each over both workloads and all sizes."""
    subjects = [OURS, FLOOR, *(peer.name for peer in offering("window") if peers)]
    return [
        Case("window", subject, workload, size)
        for subject in subjects
        for workload in WORKLOADS
        for size in SIZES
    ]


class Ours:
    """The window of this project; where the whole history is kept, the caller keeps it beside."""

    def __init__(self, *, bounded: bool) -> None:
        self._kept: list[Turn] | None = None if bounded else []
        self._window = MessageWindow(WINDOW_TOKENS)

    def fill(self, turns: Iterable[Turn]) -> None:
        """Take turns in."""
        for user, assistant in turns:
            self.turn(user, assistant)

    def turn(self, user: str, assistant: str) -> Sized:
        """Push and get."""
        if self._kept is not None:
            self._kept.append((user, assistant))
        window = self._window
        window.push("user", user)
        window.push("assistant", assistant)
        return window.as_messages()


class BareDeque:
    """As little as keeps the budget."""

    def __init__(self, *, bounded: bool) -> None:
        self._kept: list[Turn] | None = None if bounded else []
        self._held: deque[tuple[int, dict[str, str]]] = deque()
        self._sum = 0

    def fill(self, turns: Iterable[Turn]) -> None:
        """Take turns in."""
        for user, assistant in turns:
            self.turn(user, assistant)

    def turn(self, user: str, assistant: str) -> Sized:
        """Push and get."""
        if self._kept is not None:
            self._kept.append((user, assistant))
        held = self._held
        for role, text in (("user", user), ("assistant", assistant)):
            tokens = count_tokens(text)
            held.append((tokens, {"role": role, "content": text}))
            self._sum += tokens
        if self._sum > WINDOW_TOKENS:
            while self._sum > LOW * WINDOW_TOKENS:
                self._sum -= held.popleft()[0]
        return [message for _, message in held]


def trimmer(subject: str, *, bounded: bool) -> Trimmer:
    """The subject's window, empty."""
    if subject in (OURS, FLOOR):
        return (Ours if subject == OURS else BareDeque)(bounded=bounded)
    peer = peer_of(subject)
    assert peer is not None, subject
    window: Trimmer = peer.load().window(bounded=bounded)
    return window


def filled(subject: str, size: int, *, bounded: bool) -> tuple[Trimmer, int]:
    """A window that has seen so many turns, or as many as the cap allows, and how many."""
    window = trimmer(subject, bounded=bounded)
    seen = 0
    warm = trimmer(subject, bounded=bounded)
    warm.turn(*pool()[0])
    try:
        with capped(SETTLE_CAP_S if bounded else FILL_CAP_S):
            if not bounded:
                window.fill(turns(size))
                return window, size
            for user, assistant in turns(size):
                window.turn(user, assistant)
                seen += 1
    except Capped:
        pass
    return window, seen


def speaker(window: Trimmer, first: int) -> Callable[[int], Any]:
    """What says so many more turns."""
    numbers: Iterator[int] = count(first)
    said = pool()

    def work(number: int) -> None:
        turn = window.turn
        for _ in range(number):
            user, assistant = said[next(numbers) % POOL]
            turn(user, assistant)

    return work


@pytest.mark.filterwarnings("ignore")
def test_window(case: Case, stopwatch: Stopwatch) -> None:
    """Measure one subject's turn."""
    unit = GROUPS["window"]
    peer = peer_of(case.subject)
    note = None
    if peer is not None:
        stopwatch.version = peer.version
        if peer.version is None:
            stopwatch.row(None, unit, peer.absence)
            return
        note = getattr(peer.load(), "NOTE", {}).get("window")
    if (hopeless := stopwatch.hopeless()) is not None:
        stopwatch.row(None, unit, hopeless)
        return
    try:
        _measure(case, stopwatch, note)
    except Exception as error:
        if peer is None:
            raise
        stopwatch.row(None, unit, peer.broke(error))


def _measure(case: Case, stopwatch: Stopwatch, note: str | None) -> None:
    bounded = case.workload == "bounded"
    window, seen = filled(case.subject, case.size, bounded=bounded)
    unit = GROUPS["window"]
    if seen < case.size:
        stopwatch.fall_behind()
        if not bounded:
            why = f"capped: no history of {case.size:,} turns within {FILL_CAP_S:.0f} s"
            stopwatch.row(None, unit, why)
            return
        note = f"capped: measured after {seen:,} of {case.size:,} turns"
    spare = [window]

    def prepare() -> Callable[[int], Any]:
        ready = spare.pop() if spare else filled(case.subject, case.size, bounded=bounded)[0]
        return speaker(ready, case.size)

    fresh = case.size <= REBUILT_UP_TO and not bounded
    stopwatch.turns(prepare, unit, scale=1e6, fresh=fresh, note=note)
