"""Makes each group's cases tests, and keeps the rows that they put down.

`--peers` adds other people's libraries. The rows are also put into pytest-benchmark's JSON, under
`harness`, beside its own statistics.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.bench.machine import NoDisk, disk_folder, this_machine
from harness.bench.plan import Case
from harness.bench.row import Row
from harness.bench.stopwatch import Benchmark, Stopwatch

ROWS = pytest.StashKey[list[Row]]()
PAST = pytest.StashKey[dict[tuple[str, str, str], list[tuple[int, float]]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one option of the benchmarks themselves."""
    about = "measure other people's libraries as well, those that are installed"
    parser.getgroup("harness").addoption("--peers", action="store_true", help=about)


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is measured yet."""
    config.stash[ROWS] = []
    config.stash[PAST] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a case."""
    if "case" in metafunc.fixturenames:
        cases = metafunc.module.cases(peers=metafunc.config.getoption("--peers"))
        metafunc.parametrize("case", cases, ids=str)


@pytest.fixture
def stopwatch(request: pytest.FixtureRequest, case: Case) -> Stopwatch:
    """Measures the case; skips where benchmarks are switched off."""
    if request.config.getoption("--benchmark-disable") or _with_workers(request.config):
        pytest.skip(reason="benchmarks are switched off, or run in several workers at once")

    def benchmark() -> Benchmark:
        fixture: Any = request.getfixturevalue("benchmark")
        fixture.group = f"{case.group} {case.workload} {case.size}"
        return fixture  # type: ignore[no-any-return]

    return Stopwatch(case, benchmark, request.config.stash[ROWS], request.config.stash[PAST])


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """A folder on a disk; fails with a sentence where there is none."""
    try:
        folder = disk_folder()
    except NoDisk as error:
        pytest.fail(str(error), pytrace=False)
    yield folder
    shutil.rmtree(folder)


def _with_workers(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(
    config: pytest.Config, benchmarks: Any, output_json: dict[str, Any]
) -> None:
    """Our rows, beside the statistics."""
    rows = [vars(row) for row in config.stash[ROWS]]
    output_json["harness"] = {"machine": this_machine(), "rows": rows}
