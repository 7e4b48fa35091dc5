"""What tests are given: playing scenarios, a session's directory, virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin.hooks import SCREENS, marked_points, play_one, shown
from harness.pytest_plugin.stored import near

if TYPE_CHECKING:
    from harness.pytest_plugin.claude import MockClaude
    from harness.pytest_plugin.clock import VirtualClock
    from harness.report.result import Result
    from harness.scenario.load import Loaded
    from harness.scenario.schema import Scenario


class ScenarioRun:
    """What the `scenario_run` fixture gives: call it to play a scenario and get its Result."""

    def __init__(self, node: pytest.Item) -> None:
        self._node = node

    def __call__(
        self,
        scenario: str | Path | Loaded | Scenario | None = None,
        *,
        target: str | None = None,
        seed: int | None = None,
    ) -> Result:
        """Play a file, a Loaded or a Scenario; nothing plays the test's `scenario` marker.

        `target` and `seed` go before the marker's, and those before the command line's. A result
        that did not pass is shown below the test if the test fails. ScenarioError, TargetError.
        """
        marker = self._node.get_closest_marker("scenario")
        options = dict(marker.kwargs) if marker else {}
        if scenario is None:
            if marker is None or not marker.args:
                pytest.fail(
                    "scenario_run() plays nothing: give it a scenario, or mark the test with "
                    "@pytest.mark.scenario('path')",
                    pytrace=False,
                )
            scenario = marker.args[0]
        result = play_one(
            self._node.config,
            _loaded(scenario, self._node),
            target=target or options.get("target"),
            seed=options.get("seed") if seed is None else seed,
            points=marked_points(self._node),
        )
        if result.outcome != "pass":
            self._node.stash.setdefault(SCREENS, []).append(shown(result))
        if over := _over_limits(self._node, result):
            pytest.fail("\n".join(over), pytrace=False)
        return result


@pytest.fixture
def scenario_run(request: pytest.FixtureRequest) -> Callable[..., Result]:
    """Plays a path, a Loaded or a Scenario (`target=`, `seed=`) and returns its Result."""
    return ScenarioRun(request.node)


@pytest.fixture
def session_dir(tmp_path: Path) -> Path:
    """An empty directory, mode 0700, as a target's `home` is."""
    home = tmp_path / "session"
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def virtual_clock() -> Iterator[VirtualClock]:
    """Virtual time for one test, from 2026-03-02T09:00Z on: `.now_ns`, `.advance("5h")`.

    `time`, `datetime`, `time.sleep` and the timers of event loops that the test starts follow it.
    """
    from harness.pytest_plugin.clock import virtual_time

    with virtual_time() as clock:
        yield clock


@pytest.fixture
def mock_claude(
    request: pytest.FixtureRequest,
    virtual_clock: VirtualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MockClaude]:
    """A strict Claude that every `anthropic` client of the test meets, in virtual time.

    `.script(scenario)` says what it answers, `.ledger` what was asked and billed. The markers'
    limits hold for its ledger too.
    """
    from harness.pytest_plugin.claude import open_claude

    monkeypatch.setenv("ANTHROPIC_API_KEY", "mock")
    with open_claude(virtual_clock) as claude:
        yield claude
    rows = claude.ledger
    largest = max((row.prompt_tokens for row in rows), default=0)
    spent = sum(row.cost_usd for row in rows)
    if over := _over(request.node, "mock_claude", largest, spent):
        pytest.fail("\n".join(over), pytrace=False)


def _loaded(scenario: str | Path | Loaded | Scenario, node: pytest.Item) -> Loaded:
    from harness.scenario.load import Loaded, accept, load

    if isinstance(scenario, Loaded):
        return scenario
    if isinstance(scenario, str | Path):
        beside = node.path.parent / scenario
        return load(near(beside, node.config) if beside.exists() else Path(scenario))
    return accept(scenario, f"{node.path.stem}/{node.name}")


def _over_limits(node: pytest.Item, result: Result) -> Sequence[str]:
    """A sentence for each marker's limit that a played scenario went over."""
    sizes = [event.data["prompt_tokens"] for event in result.record.of("model.answered")]
    largest = max((size for size in sizes if isinstance(size, int)), default=0)
    return _over(node, result.story, largest, result.verdict.numbers.cost_usd)


def _over(node: pytest.Item, who: str, largest: int, spent_usd: float) -> Sequence[str]:
    said = []
    tokens = node.get_closest_marker("max_request_tokens")
    if tokens and largest > tokens.args[0]:
        said.append(
            f"{who}: expected requests of at most {tokens.args[0]} prompt tokens, "
            f"got one of {largest}"
        )
    cost = node.get_closest_marker("max_cost_usd")
    if cost and spent_usd > cost.args[0]:
        said.append(
            f"{who}: expected to spend at most {cost.args[0]} US dollars, got {spent_usd:.6g}"
        )
    return said
