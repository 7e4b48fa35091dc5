"""A pytest inside the pytest, over a lab that plays nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from harness.lab import play as lab
from harness.report.result import Result, Run, story_of
from harness.scenario import complaint, schema, sense
from harness.scenario.load import Loaded

ROOMS = (complaint, schema, sense)
"""Imported out here, for the inner pytest forgets at its end what it imported."""

SOUND = "name: {name}\nscript: [{{user: hi}}, {{user: again}}]\n"


class Lab:
    """Stands for `harness.lab.play`: the outcome is the scenario's name."""

    def __init__(self, result_of: Callable[..., Result]) -> None:
        self.result_of = result_of
        self.options: list[dict[str, object]] = []
        self.swept: list[dict[str, Any]] = []
        self.replayed: list[tuple[object, ...]] = []

    def play(self, scenarios: Sequence[Loaded], **options: object) -> Run:
        """As `play`."""
        self.options.append({"name": scenarios[0].scenario.name, **options})
        return Run((self.result(scenarios[0]),), 1)

    def sweep(self, loaded: Loaded, **options: Any) -> Result:
        """As `sweep`."""
        self.swept.append(options)
        return self.result(loaded)

    def replay(self, token: str, scenarios: Sequence[Loaded], **options: object) -> Result:
        """As `replay`."""
        self.replayed.append((token, scenarios[0].scenario.name, options))
        return self.result(scenarios[0])

    def result(self, loaded: Loaded) -> Result:
        """kept, broken or invalid, as the scenario is called."""
        name, story = loaded.scenario.name, story_of(loaded.path)
        if name == "broken":
            return self.result_of(story, "fail", findings=1)
        if name == "invalid":
            return self.result_of(story, "invalid", reasons=("fault 1 never fired",))
        return self.result_of(story)


@pytest.fixture
def fake_lab(result_of: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Lab:
    fake = Lab(result_of)
    monkeypatch.setattr(lab, "play", fake.play)
    monkeypatch.setattr(lab, "sweep", fake.sweep)
    monkeypatch.setattr(lab, "replay", fake.replay)
    return fake


@pytest.fixture
def alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytest with no plugin but ours, which is quicker."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "harness.pytest_plugin")
    return pytester


@pytest.fixture
def inner(alone: pytest.Pytester, fake_lab: Lab) -> pytest.Pytester:
    """A project with one scenario of each kind."""
    pytester = alone
    for name in ("kept", "broken", "invalid"):
        path = pytester.path / f"scenarios/{name}.scenario.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(SOUND.format(name=name))
    return pytester
