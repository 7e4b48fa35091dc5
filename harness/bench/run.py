"""Runs groups through pytest and hands back what they found.

The groups are pytest modules; here they are run in process, quietly, with a listener that hears of
each case as it ends. Nothing of the caller's own pytest settings takes part. What pytest-benchmark
is asked to write (`store`) is its own JSON, for its own comparisons.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.bench.machine import this_machine
from harness.bench.plan import room_of
from harness.bench.row import Report, Row, related

OnCase = Callable[[str, int, int], None]
"""(what has ended, how many have, of how many)."""


class NoBenchmarks(Exception):
    """pytest-benchmark is not installed."""


class Broken(Exception):
    """A case ended with an error: the message is pytest's."""


class Interrupted(KeyboardInterrupt):
    """The run was ended by its user; `report` holds what was measured until then."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


class Listener:
    """A pytest plugin: counts cases, and takes the rows at the end."""

    def __init__(self, on_case: OnCase) -> None:
        self.rows: list[Row] = []
        self.failures: list[str] = []
        self._on_case = on_case
        self._planned = 0
        self._done = 0

    def pytest_collection_finish(self, session: Any) -> None:
        """So many there are."""
        self._planned = len(session.items)

    def pytest_collectreport(self, report: Any) -> None:
        """A room that cannot even be read."""
        if report.failed:
            self.failures.append(f"{report.nodeid}: {report.longreprtext}")

    def pytest_runtest_logreport(self, report: Any) -> None:
        """One step of a case."""
        if report.failed:
            self.failures.append(f"{report.nodeid}: {report.longreprtext}")
        if report.when == "teardown":
            self._done += 1
            self._on_case(report.nodeid.partition("[")[2].rstrip("]"), self._done, self._planned)

    def pytest_sessionfinish(self, session: Any) -> None:
        """All rows there are."""
        from harness.bench.groups.conftest import ROWS

        self.rows = list(session.config.stash.get(ROWS, []))


def run(
    groups: Sequence[str],
    *,
    peers: bool = False,
    on_case: OnCase = lambda *_: None,
    store: Path | None = None,
    only: str | None = None,
) -> Report:
    """Measure these groups.

    `store` is a file for pytest-benchmark's JSON, `only` an expression as `-k` takes it.
    NoBenchmarks where pytest-benchmark is missing, Broken where a case ends with an error,
    Interrupted with what there is.
    """
    if importlib.util.find_spec("pytest_benchmark") is None:
        raise NoBenchmarks(
            "expected pytest-benchmark, got none; install the extra: conversation-crash-lab[bench]"
        )
    import pytest

    listener = Listener(on_case)
    arguments = [str(room_of(group)) for group in groups]
    arguments += [
        "-q",
        "-s",
        "--tb=short",
        "-o",
        "addopts=--import-mode=importlib -p no:cacheprovider",
    ]
    arguments += ["--peers"] * peers
    arguments += [] if store is None else [f"--benchmark-json={store}"]
    arguments += [] if only is None else ["-k", only]
    with _alone():
        code = pytest.main(arguments, plugins=[listener])
    report = Report(this_machine(), related(listener.rows))
    if code == pytest.ExitCode.INTERRUPTED and not listener.failures:
        raise Interrupted(report)
    if listener.failures:
        raise Broken("\n".join(listener.failures))
    return report


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Without the caller's pytest, and without pytest's own words."""
    theirs = {name: os.environ.pop(name) for name in _THEIRS if name in os.environ}
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        os.environ.update(theirs)


_THEIRS = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT")
