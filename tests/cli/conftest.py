"""A folder with a `scenarios` shelf, and a lab that plays nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.lab import play as lab
from harness.report.result import Result, Run
from harness.scenario.load import Loaded


class Lab:
    """Stands for `lab.play`: hands out the results it was given, and keeps what it was asked."""

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = list(results)
        self.interrupted = False
        self.unwritten = ""
        self.scenarios: list[Loaded] = []
        self.options: dict[str, object] = {}

    def play(
        self,
        scenarios: Sequence[Loaded],
        *,
        on_result: Callable[[Result], None],
        **options: object,
    ) -> Run:
        """As `harness.lab.play.play`."""
        self.scenarios, self.options = list(scenarios), options
        for result in self.results:
            on_result(result)
        planned = len(self.results) + self.interrupted
        return Run(tuple(self.results), planned, self.interrupted, self.unwritten)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`scenarios` with two sound scenarios, in the current directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "scenarios/resume"
    folder.mkdir(parents=True)
    for name in ("double_crash", "torn_tail"):
        text = f"name: {name.replace('_', ' ')}\nabout: why\nscript: [{{user: hi}}]\n"
        (folder / f"{name}.scenario.yaml").write_text(text)
    return tmp_path / "scenarios"


@pytest.fixture
def fake_lab(sample_run: Run, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose results are the sample run's, unless a test changes them."""
    fake = Lab(sample_run.results)
    monkeypatch.setattr(lab, "play", fake.play)
    return fake
