"""The pytest plugin: scenario files are tests, and tests can play scenarios.

`*.scenario.yaml` are collected; a broken promise is a failure that shows the command line's screen,
an invalid run an error. Loaded into every pytest that has the package installed, it imports none
of the package's rooms until a scenario is there.

Fixtures: `scenario_run`, `session_dir`. Markers: `scenario`, `max_request_tokens`, `max_cost_usd`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from harness.pytest_plugin.stored import findable, near

if TYPE_CHECKING:
    from harness.report.result import Result
    from harness.scenario.load import Loaded

SUFFIX = ".scenario.yaml"
DEFAULT_TARGET = "lifecycle"

_MARKERS = (
    "scenario(path, target=None, seed=None): what scenario_run() plays when it is given nothing",
    "max_request_tokens(n): no request of a played scenario may have more prompt tokens than n",
    "max_cost_usd(x): no played scenario may cost more than x US dollars",
    "crash_points(states='all', disk=('kill',), depth=1): sweep it too, so many states a tier",
)
ALL_STATES = 1_000_000


SCREENS = pytest.StashKey[list[str]]()
"""Screens of what a test played, shown if it fails."""


class Broken(Exception):
    """A scenario that did not pass, carried to where pytest shows it."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.story)
        self.result = result


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options, in a group of their own."""
    group = parser.getgroup("harness", "crash lab for conversations")
    group.addoption("--harness-target", metavar="T", help="a shipped target or file.py:Class")
    group.addoption("--harness-seed", type=int, metavar="N", help="instead of scenarios' own")
    group.addoption("--harness-replay", metavar="TOKEN", help="only this case, again")
    group.addoption("--harness-report", type=Path, metavar="DIR", help="store records here")
    about = "sweep too: all states, or N a tier; the tiers of a scenario's own sweep, else kill"
    group.addoption("--harness-crash-points", metavar="all|N", help=about)


def pytest_configure(config: pytest.Config) -> None:
    """Markers, and the options that can be refused at once."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if (points := config.getoption("--harness-crash-points")) is not None:
        states_of(points, "--harness-crash-points")
    seed = config.getoption("--harness-seed")
    if seed is not None and not 0 <= seed < 2**63:
        raise pytest.UsageError(f"--harness-seed: expected a number from 0 to 2^63-1, got {seed}")
    if token := config.getoption("--harness-replay"):
        from harness.case import TokenError, parse

        try:
            parse(token)
        except TokenError as error:
            raise pytest.UsageError(f"--harness-replay: {error}") from error


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A scenario file is a collector with one test."""
    if file_path.name.endswith(SUFFIX):
        collector: pytest.Collector = ScenarioFile.from_parent(parent, path=file_path)
        return collector
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --harness-replay, only the scenario that the token names is left."""
    token = config.getoption("--harness-replay")
    if not token:
        return
    from harness.case import parse, scenario_hash

    wanted = parse(token).scenario_hash
    kept = [
        item
        for item in items
        if isinstance(item, ScenarioItem) and scenario_hash(item.loaded.scenario.dump()) == wanted
    ]
    if not kept:
        raise pytest.UsageError(
            f"--harness-replay: no scenario of {token} among {len(items)} tests; name its folder, "
            "or, if a test wrote it in Python, paste the `harness replay` line of its failure"
        )
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept[:1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Screens in the reports: pytest asks an item how to show a failure in call, not in setup."""
    report = yield
    if isinstance(item, ScenarioItem) and call.when == "setup" and call.excinfo is not None:
        report.longrepr = item.repr_failure(call.excinfo)
    if call.when == "call":
        report.sections.extend(("harness", text) for text in item.stash.get(SCREENS, []))
    return report


class ScenarioFile(pytest.File):
    """One `*.scenario.yaml`."""

    def collect(self) -> Iterator[pytest.Item]:
        """The one test in it; ScenarioError where it is no scenario."""
        from harness.scenario.load import load

        loaded = load(near(self.path, self.config))
        yield ScenarioItem.from_parent(self, name=loaded.scenario.name, loaded=loaded)

    def repr_failure(  # type: ignore[override]  # as pytest's own Collector
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> Any:
        """What is wrong with the file, without our own traceback."""
        from harness.scenario.load import ScenarioError

        if isinstance(excinfo.value, ScenarioError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class ScenarioItem(pytest.Item):
    """One scenario as a test. It is played in setup, so that an invalid run is pytest's *error*."""

    def __init__(self, *, loaded: Loaded, **rest: Any) -> None:
        super().__init__(**rest)
        self.loaded = loaded
        self.result: Result | None = None

    def setup(self) -> None:
        """Play it; Broken where it came out invalid."""
        super().setup()
        token = self.config.getoption("--harness-replay")
        if token:
            from harness.lab import play as lab

            target = self.config.getoption("--harness-target")
            self.result = lab.replay(token, [self.loaded], target=target)
        else:
            self.result = play_one(self.config, self.loaded)
        if self.result.outcome == "invalid":
            raise Broken(self.result)

    def runtest(self) -> None:
        """Broken where a promise was."""
        if self.result is not None and self.result.outcome == "fail":
            raise Broken(self.result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The command line's screen; for wrong options and tokens their sentence."""
        from harness.lab.play import TargetError
        from harness.scenario.load import ScenarioError

        if isinstance(excinfo.value, Broken):
            return shown(excinfo.value.result)
        if isinstance(excinfo.value, TargetError | ScenarioError | LookupError):
            return str(excinfo.value.args[0] if excinfo.value.args else excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where pytest says it is."""
        return self.path, None, self.name


def play_one(
    config: pytest.Config,
    loaded: Loaded,
    *,
    target: str | None = None,
    seed: int | None = None,
    points: Points | None = None,
) -> Result:
    from harness.lab import play as lab

    points = points or points_of(config, loaded)
    target = target or config.getoption("--harness-target") or DEFAULT_TARGET
    seed = config.getoption("--harness-seed") if seed is None else seed
    report = config.getoption("--harness-report")
    run = lab.play([loaded], target=target, seed=seed, report=report, sweeps=points is None)
    if run.interrupted:
        raise KeyboardInterrupt
    played = findable(run.results[0], loaded, config)
    if run.unwritten:
        pytest.fail(f"{run.unwritten}\n{shown(played)}", pytrace=False)
    if points is None:
        return played
    swept = lab.sweep(
        loaded,
        target=target,
        seed=seed,
        tiers=points.disk,
        depth=points.depth,
        states_max=points.states,
    )
    return findable(lab.merged(played, swept), loaded, config)


class Points(NamedTuple):
    """Which crashes to sweep."""

    states: int
    disk: tuple[Any, ...] = ("kill",)
    depth: int = 1


def points_of(config: pytest.Config, loaded: Loaded) -> Points | None:
    """What the command line asks for, on the disks that the scenario's own `sweep` names."""
    asked = config.getoption("--harness-crash-points")
    if asked is None:
        return None
    states = states_of(asked, "--harness-crash-points")
    own = loaded.scenario.sweep
    return Points(states) if own is None else Points(states, own.disk, own.depth)


def marked_points(node: pytest.Item) -> Points | None:
    """What a test's marker asks for."""
    marker = node.get_closest_marker("crash_points")
    if marker is None:
        return None
    asked = marker.args[0] if marker.args else marker.kwargs.get("states", "all")
    more = {key: marker.kwargs[key] for key in ("disk", "depth") if key in marker.kwargs}
    return Points(states_of(asked, "@pytest.mark.crash_points"), **more)


def states_of(asked: object, who: str) -> int:
    """`all`, or a number from 1; pytest.UsageError else."""
    text = str(asked)
    if text == "all":
        return ALL_STATES
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise pytest.UsageError(f"{who}: expected all or a number of states from 1, got {text!r}")


def shown(result: Result) -> str:
    from harness.report.screen import plain, screen

    return plain(screen(result, 100))
