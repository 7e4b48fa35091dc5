"""Measuring: how often a thing is repeated, when it is given up, and the row that comes of it.

The measuring itself is pytest-benchmark's (`pedantic`, its storage, its comparisons). Processor
time is taken where a thing computes, wall time where it waits for a disk; what was imported is
frozen, so that the collector does not visit other people's modules; a run has a cap, and is not
even begun where the smaller sizes foretell that it would exceed it.
"""

from __future__ import annotations

import gc
import math
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from harness.bench.plan import CAP_S, Case
from harness.bench.row import Row

BATCH_MAX = 50
ROUNDS_MAX = 15
STRETCHES = 5
PATIENCE = 6
Clock = Callable[[], float]
Found = TypeVar("Found")


class Capped(BaseException):
    """Time is up. A BaseException, since what is measured may catch every Exception."""


class Benchmark(Protocol):
    """What is used of pytest-benchmark's fixture."""

    has_error: bool
    extra_info: dict[str, Any]

    def pedantic(self, target: Callable[..., Any], **how: Any) -> Any:
        """Run it so many rounds, with a setup before each that is not measured."""


@contextmanager
def capped(seconds: float) -> Iterator[None]:
    """Raise Capped once so much processor time has passed, or `PATIENCE` times as much of the
    wall's.

    So that others who use the machine do not decide what is measured. Main thread only. The timer
    is the wall's: while one of processor time runs, Linux reads that clock in whole ticks.
    """
    began, started = time.process_time(), time.perf_counter()

    def look(*_: object) -> None:
        left = seconds - (time.process_time() - began)
        if left <= 0 or time.perf_counter() - started > PATIENCE * seconds:
            raise Capped
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.01))

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def still() -> Iterator[None]:
    """Freeze what is there, so that only what is made from now on is looked through."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class Stopwatch:
    """Measures one case. `past` holds the medians of smaller sizes, in seconds a turn."""

    def __init__(
        self,
        case: Case,
        benchmark: Callable[[], Benchmark],
        rows: list[Row],
        past: dict[tuple[str, str, str], list[tuple[int, float]]],
        *,
        cap_s: float = CAP_S,
    ) -> None:
        self.case = case
        self.version: str | None = None
        self.cap_s = cap_s
        self._benchmark = benchmark
        self._rows = rows
        line = (case.group, case.subject, case.workload)
        self._past = past.setdefault(line, [])
        self._behind = past.setdefault((*line[:2], f"{line[2]}: behind"), [])

    def row(self, median: float | None, unit: str, note: str | None = None, **other: Any) -> None:
        """Put down what was found; `other` names another subject, workload or version."""
        case = self.case
        row = Row(
            case.group,
            other.get("subject", case.subject),
            other.get("version", self.version),
            other.get("workload", case.workload),
            other.get("size", case.size),
            median,
            unit,
            note,
        )
        self._rows.append(row)

    def fall_behind(self) -> None:
        """This size was not come to in time; larger ones will not be."""
        self._behind.append((self.case.size, 0.0))

    def foretold(self) -> float | None:
        """Seconds that one turn is going to take, by the sizes before."""
        if not self._past:
            return None
        size, seconds = self._past[-1]
        growth: float
        slope = 0.0
        if len(self._past) > 1:
            (before, less) = self._past[-2]
            slope = max(0.0, math.log(seconds / less) / math.log(size / before))
        growth = (self.case.size / size) ** slope
        return seconds * growth

    def hopeless(self) -> str | None:
        """Why the run is not begun, where it would exceed its cap."""
        if self._behind:
            return f"capped: not run, as {self._behind[0][0]:,} turns were too slow already"
        foretold = self.foretold()
        if foretold is not None and foretold > self.cap_s:
            return (
                f"capped: not run, one turn would take some {foretold:.1f} s by the growth so far "
                f"and a run may take {self.cap_s:.0f} s"
            )
        return None

    def turns(
        self,
        prepare: Callable[[], Callable[[int], Any]],
        unit: str,
        *,
        scale: float,
        fresh: bool,
        note: str | None = None,
        clock: Clock = time.process_time,
    ) -> float | None:
        """Measure turns in batches and put the median down, in `unit` (seconds x `scale`).

        `prepare` gives what does so many turns; with `fresh` it is prepared anew for each round.
        Returns the seconds a turn.
        """
        measured: list[float] = []
        begun = False

        def batch(work: Callable[[int], Any], number: int) -> None:
            began = clock()
            work(number)
            measured.append((clock() - began) / number)

        try:
            with still(), capped(self.cap_s * 2):
                work = prepare()
                batch(work, 1)
                first = max(measured[0], 1e-9)
                number = max(1, min(BATCH_MAX, int(self.cap_s / 4 / first)))
                rounds = max(1, min(ROUNDS_MAX, int(self.cap_s / (first * number))))
                measured.clear()
                begun = True
                self._benchmark().extra_info["turns"] = number
                self._benchmark().pedantic(
                    batch,
                    setup=lambda: ((prepare() if fresh else work, number), {}),
                    rounds=rounds,
                )
        except Capped:
            told = f"{len(measured)} batches" if measured else "not one turn"
            note = f"capped after {self.cap_s * 2:.0f} s: {told} measured"
        if not measured:
            if begun:
                # Without a single round pytest-benchmark has no statistics to make.
                self._benchmark().has_error = True
            self.fall_behind()
            self.row(None, unit, note)
            return None
        seconds = statistics.median(measured)
        self._past.append((self.case.size, seconds))
        self.row(seconds * scale, unit, note)
        return seconds

    def once(self, work: Callable[[], Found]) -> Found:
        """Do what is not repeated: its result is a figure, and its time only pytest-benchmark's."""
        found: Found = self._benchmark().pedantic(work, rounds=1)
        return found

    def rounds(self, work: Callable[[], Any], number: int) -> None:
        """Do something so many times, for pytest-benchmark to time."""
        self._benchmark().pedantic(work, rounds=number)

    def alternately(
        self, ours: Callable[[], Any], floor: Callable[[], Any], rounds: int, clock: Clock
    ) -> tuple[float, float]:
        """Median seconds of a thing and of its floor, measured in turns in one run.

        Of the quietest of five stretches: what else the machine does only adds.
        """
        times: tuple[list[float], list[float]] = ([], [])

        def timed(work: Callable[[], Any], kept: list[float]) -> None:
            began = clock()
            work()
            kept.append(clock() - began)

        with still():
            ours(), floor()
            self._benchmark().pedantic(
                lambda: timed(ours, times[0]), setup=lambda: timed(floor, times[1]), rounds=rounds
            )
        length = max(1, rounds // STRETCHES)
        return min(
            (
                (statistics.median(mine), statistics.median(bare))
                for mine, bare in (
                    [kept[at : at + length] for kept in times] for at in range(0, rounds, length)
                )
            ),
            key=sum,
        )
