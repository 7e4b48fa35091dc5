"""What recording costs, and how fast states are found, laid down and opened: both sides, one run.

Fifty turns of the hardened store, bare and recorded in the same kind of process; the states are
those of twenty turns. The gate is a ratio with a wide margin, and the rates are printed.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.world.disk.lay_down import lay_down, memory_directory
from harness.world.disk.states import states
from harness.world.syscalls.rehearsal import available
from tests.stacks.recording import Run, Workshop
from tests.stacks.stores.oracle import wrongs

CONVERSE = "tests.stacks.stores.variants:converse"
TURNS = 50
ROUNDS = 5
TIMES_BARE_MAX = 25.0
CANDIDATES_PER_STATE_OPENED_MIN = 1.0


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    """One warm process for all runs; without a recorder these cannot run, and say why."""
    works, why = available()
    if not works:
        pytest.skip(reason=why)
    workshop = Workshop()
    yield workshop
    workshop.close()


@pytest.fixture
def fresh() -> Iterator[Callable[[], Path]]:
    """Makes empty directories in memory, and removes them."""
    root = Path(tempfile.mkdtemp(prefix="harness-", dir=memory_directory()))

    def make() -> Path:
        return Path(tempfile.mkdtemp(dir=root))

    yield make
    shutil.rmtree(root)


def test_a_recorded_turn_costs_a_few_bare_ones(
    benchmark: BenchmarkFixture,
    workshop: Workshop,
    fresh: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs: list[Run] = []

    def best(recorded: bool) -> float:
        times = []
        for _ in range(ROUNDS):
            home = fresh()
            began = time.perf_counter()
            runs.append(workshop.run(CONVERSE, home, "hardened", TURNS, recorded=recorded))
            times.append(time.perf_counter() - began)
        return min(times)

    recorded = benchmark.pedantic(best, args=(True,))
    bare = best(False)
    calls = len(runs[0].operations)
    with capsys.disabled():
        print(  # noqa: T201 - a benchmark prints both sides
            f"\n  {TURNS} turns: {recorded * 1e3:.1f} ms recorded, {bare * 1e3:.1f} ms bare; "
            f"{(recorded - bare) / calls * 1e6:.0f} us an operation ({calls} of them)"
        )
    assert calls > 5 * TURNS
    assert recorded / bare < TIMES_BARE_MAX


@pytest.mark.parametrize("variant", ["naive", "hardened", "sqlite_WAL_FULL"])
def test_states_are_found_faster_than_they_can_be_opened(
    benchmark: BenchmarkFixture,
    workshop: Workshop,
    fresh: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
    variant: str,
) -> None:
    run = workshop.run(CONVERSE, fresh(), variant, 20)
    began = time.perf_counter()
    found = benchmark.pedantic(states, args=(run.operations, "posix"))
    finding = found.tried / (time.perf_counter() - began)
    opened = found.distinct[:300]
    place = fresh()
    began = time.perf_counter()
    for state in opened:
        lay_down(state, place)
    laying = len(opened) / (time.perf_counter() - began)
    began = time.perf_counter()
    for state in opened:
        lay_down(state, place)
        wrongs(variant, place, ())
    opening = len(opened) / (time.perf_counter() - began)
    with capsys.disabled():
        print(  # noqa: T201 - a benchmark prints both sides
            f"\n  {variant}, posix: {finding:,.0f} candidates a second, {laying:,.0f} states laid "
            f"down, {opening:,.0f} laid down and opened"
        )
    assert finding / opening > CANDIDATES_PER_STATE_OPENED_MIN
