"""Groups are run through pytest, and what they found comes back."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from harness.bench import run as running
from harness.bench.run import Broken, Listener, NoBenchmarks, run


def test_rows_come_back_with_their_relations_and_each_case_is_told(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    stored = tmp_path / "stored.json"
    report = run(
        ["window"],
        on_case=lambda *told: heard.append(told),
        only="bounded-100 and not 1000",
        store=stored,
    )
    assert [row.subject for row in report.rows] == ["harness", "bare deque"]
    assert all(row.median and row.ratio_to_ours for row in report.rows)
    assert heard == [("harness-bounded-100", 1, 2), ("bare_deque-bounded-100", 2, 2)]
    assert '"harness"' in stored.read_text(encoding="utf-8")


def test_nothing_of_the_callers_own_pytest_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    assert run(["window"], only="harness-bounded-100 and not 1000").rows
    monkeypatch.undo()


def test_a_case_that_breaks_is_told_and_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("harness.bench.stopwatch.Stopwatch.turns", broken)
    with pytest.raises(Broken, match="ZeroDivisionError"):
        run(["window"], only="harness-bounded-100 and not 1000")


def test_without_pytest_benchmark_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(NoBenchmarks, match=r"install the extra: conversation-crash-lab\[bench\]"):
        run(["window"])


def test_an_interrupted_run_hands_back_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Listener.pytest_runtest_logreport

    def interrupt(self: Listener, report: Any) -> None:
        real(self, report)
        if self._done:
            raise KeyboardInterrupt

    monkeypatch.setattr(Listener, "pytest_runtest_logreport", interrupt)
    with pytest.raises(running.Interrupted) as stopped:
        run(["window"], only="bounded-100 and not 1000")
    assert [row.subject for row in stopped.value.report.rows] == ["harness"]
