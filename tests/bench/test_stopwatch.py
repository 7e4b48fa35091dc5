"""Measuring: rows, caps, and runs that are not begun."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from harness.bench.plan import Case
from harness.bench.row import Row
from harness.bench.stopwatch import Capped, Stopwatch, capped


class Bench:
    """pytest-benchmark's fixture, without its statistics."""

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}
        self.has_error = False
        self.rounds = 0

    def pedantic(
        self,
        target: Callable[..., Any],
        *,
        rounds: int,
        setup: Callable[[], Any] = lambda: None,
    ) -> Any:
        found = None
        for _ in range(rounds):
            arguments, named = setup() or ((), {})
            found = target(*arguments, **named)
            self.rounds += 1
        return found


class Clock:
    """A clock that the measured work moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watch(past: dict[Any, Any], size: int = 100, cap_s: float = 1.0) -> tuple[Any, ...]:
    rows: list[Row] = []
    bench = Bench()
    case = Case("window", "x", "full", size)
    return Stopwatch(case, lambda: bench, rows, past, cap_s=cap_s), rows, bench


def test_the_median_of_a_turn_is_put_down_in_the_unit_asked_for() -> None:
    stopwatch, rows, bench = watch({})
    clock = Clock()

    def work(number: int) -> None:
        clock.now += 0.002 * number

    seconds = stopwatch.turns(lambda: work, "us", scale=1e6, fresh=False, clock=clock)
    assert seconds == pytest.approx(0.002)
    assert rows[0].median == pytest.approx(2_000)
    assert bench.extra_info["turns"] == 50
    assert bench.rounds == 10


def test_a_slow_turn_is_measured_once_and_not_fifteen_times() -> None:
    stopwatch, rows, bench = watch({}, cap_s=1.0)
    clock = Clock()

    def work(number: int) -> None:
        clock.now += 0.9 * number

    stopwatch.turns(lambda: work, "s", scale=1, fresh=False, clock=clock)
    assert (bench.extra_info["turns"], bench.rounds) == (1, 1)
    assert rows[0].median == pytest.approx(0.9)


def test_what_is_fresh_is_prepared_for_each_round() -> None:
    stopwatch, _, bench = watch({})
    clock = Clock()
    prepared = 0

    def prepare() -> Callable[[int], None]:
        nonlocal prepared
        prepared += 1

        def work(number: int) -> None:
            clock.now += 0.01 * number

        return work

    stopwatch.turns(prepare, "s", scale=1, fresh=True, clock=clock)
    assert prepared == bench.rounds + 1


def test_a_run_over_its_cap_is_given_up_and_says_so() -> None:
    past: dict[Any, Any] = {}
    stopwatch, rows, bench = watch(past, cap_s=0.02)

    def forever(_: int) -> None:
        while True:
            try:
                sum(range(1_000))
            except Exception:
                continue

    assert stopwatch.turns(lambda: forever, "us", scale=1e6, fresh=False) is None
    assert rows[0].median is None
    assert rows[0].note == "capped after 0 s: not one turn measured"
    assert not bench.has_error
    later, _, _ = watch(past, size=1_000)
    assert later.hopeless() == "capped: not run, as 100 turns were too slow already"


def test_a_run_that_would_exceed_its_cap_is_not_begun() -> None:
    past: dict[Any, Any] = {("window", "x", "full"): [(100, 0.1), (1_000, 1.0)]}
    stopwatch, _, _ = watch(past, size=10_000, cap_s=4.0)
    assert stopwatch.foretold() == pytest.approx(10.0)
    assert "one turn would take some 10.0 s" in stopwatch.hopeless()
    assert watch(past, size=2_000, cap_s=4.0)[0].hopeless() is None
    assert watch({}, size=10_000)[0].foretold() is None


def test_a_thing_and_its_floor_are_measured_in_turns() -> None:
    stopwatch, _, _ = watch({})
    clock = Clock()
    order: list[str] = []

    def spend(name: str, seconds: float) -> Callable[[], None]:
        def work() -> None:
            order.append(name)
            clock.now += seconds

        return work

    ours, floor = stopwatch.alternately(spend("ours", 3.0), spend("floor", 2.0), 3, clock)
    assert (ours, floor) == (3.0, 2.0)
    assert order[2:] == ["floor", "ours"] * 3


def test_what_is_not_repeated_gives_its_figure() -> None:
    stopwatch, _, bench = watch({})
    assert stopwatch.once(lambda: 42) == 42
    stopwatch.rounds(lambda: None, 4)
    assert bench.rounds == 5


def test_the_cap_ends_even_what_catches_every_exception() -> None:
    def stubborn() -> None:
        while True:
            try:
                sum(range(1_000))
            except Exception:
                continue

    with pytest.raises(Capped), capped(0.02):
        stubborn()
    with capped(60):
        pass


def test_waiting_is_capped_too_but_later() -> None:
    with pytest.raises(Capped), capped(0.01):
        threading.Event().wait(30)


def test_the_clock_is_fine_enough_while_a_cap_runs() -> None:
    with capped(60):
        ticks = {time.process_time() for _ in range(1_000)}
    assert len(ticks) > 500
