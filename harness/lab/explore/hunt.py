"""The hunt: invent cases, play them, and for each promise that breaks keep the shortest story.

What an earlier hunt wrote is tried first. Then scenarios are invented in batches; each batch
follows from the seed and its number alone, so one seed tries the same cases in the same order, and
a budget of time only decides how far it comes. A case counts as found where the target breaks a
promise and the reference stack, on the very same scenario, breaks none: so that what is written is
fair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.checks.verdict import Finding
from harness.lab.explore.invent import invented
from harness.lab.explore.shrink import shrink
from harness.lab.explore.write import told, write
from harness.report.result import Result
from harness.scenario.load import Loaded, ScenarioError, find, load
from harness.scenario.plan import count_turns
from harness.scenario.schema import Scenario
from harness.scenario.sense import complaints

CASES_MAX = 100_000
EARLIER_MAX = 200
INVENTED = "explored"
"""What a case is called that lies in no file yet."""

Play = Callable[[Loaded], Result]


@dataclass(frozen=True)
class Found:
    """One promise that broke, as the shortest scenario that shows it."""

    code: str
    message: str
    token: str
    path: Path
    turns: int
    faults: int
    case: int
    """The case it was found in, counted from 1; 0 where an earlier hunt had written it."""


@dataclass(frozen=True)
class Hunt:
    """What came of it. `kept` are earlier findings that the target does not show any more."""

    cases: int = 0
    found: tuple[Found, ...] = ()
    kept: tuple[Path, ...] = ()
    unfair: int = 0
    """Cases that the reference stack failed too, and which therefore prove nothing."""
    fingerprints: tuple[str, ...] = field(default=(), repr=False)
    """A hash for each case in the order in which they were tried."""
    invalid: int = 0
    """Cases that proved nothing, such as those in which a fault never came to fire."""


@dataclass
class Hunter:
    """Plays on the target and on the reference; `over` says when the budget is spent."""

    target: str
    play: Play
    reference: Play | None
    folder: Path
    over: Callable[[], bool]
    on_case: Callable[[int, int], None] = lambda _cases, _found: None
    _cases: int = 0
    _unfair: int = 0
    _invalid: int = 0
    _found: dict[str, Found] = field(default_factory=dict)
    _kept: list[Path] = field(default_factory=list)
    _tried: dict[str, None] = field(default_factory=dict)

    def hunt(self, seed: int, base: Loaded | None = None, cases_max: int = CASES_MAX) -> Hunt:
        """Try what was found before, then what can be invented, until the budget is spent."""
        self._earlier()
        for scenario in invented(seed, None if base is None else base.scenario):
            if self._cases >= cases_max or self.over():
                break
            self._try(scenario)
        return self.came()

    def came(self) -> Hunt:
        """What has come of it so far."""
        return Hunt(
            self._cases,
            tuple(self._found.values()),
            tuple(self._kept),
            self._unfair,
            tuple(self._tried),
            self._invalid,
        )

    def first(self, seed: int, cases_max: int = CASES_MAX) -> tuple[int, str] | None:
        """The first case that counts, and its code; nothing is shrunk, and nothing written.

        It is the case that `hunt` would have found first, whatever its budget.
        """
        for scenario in invented(seed):
            if self._cases >= cases_max or self.over():
                break
            broken = self._broken(scenario)
            if broken and self._fair(scenario):
                return self._cases, broken[0]
        return None

    def _earlier(self) -> None:
        for path in _scenarios_in(self.folder):
            try:
                loaded = load(path)
            except ScenarioError:
                continue  # of another version; it lies there for its owner to see
            code = path.name.partition("_")[0].upper()
            result = self.play(loaded)
            if code in _codes(result):
                self._found[code] = _found(code, result, path, 0)
            else:
                self._kept.append(path)

    def _try(self, scenario: Scenario) -> None:
        for code in self._broken(scenario):
            if code not in self._found:
                self._keep(scenario, code)
        self.on_case(self._cases, len(self._found))

    def _broken(self, scenario: Scenario) -> list[str]:
        """What the target breaks in one more case; nothing where that was tried before."""
        fingerprint = scenario.model_dump_json()
        if fingerprint in self._tried or complaints(scenario):
            return []
        self._tried[fingerprint] = None
        result = self._played(scenario)
        self._cases += 1
        self._invalid += result.outcome == "invalid"
        return _codes(result)

    def _keep(self, scenario: Scenario, code: str) -> None:
        """Shrink it and write it; a scenario that nobody keeps is left alone."""
        case = self._cases
        if not self._fair(scenario):
            self._unfair += 1
            return

        def shows(smaller: Scenario) -> bool:
            return code in _codes(self._played(smaller)) and self._fair(smaller)

        smallest = shrink(scenario, shows)
        finding = _first(self._played(smallest), code)
        finished = told(smallest, finding, self.target)
        path = write(finished, code, self.folder)
        self._found[code] = _found(code, self.play(load(path)), path, case)

    def _fair(self, scenario: Scenario) -> bool:
        return self.reference is None or self.reference(_loose(scenario)).outcome != "fail"

    def _played(self, scenario: Scenario) -> Result:
        return self.play(_loose(scenario))


def _scenarios_in(folder: Path) -> list[Path]:
    try:
        return find([folder])[:EARLIER_MAX] if folder.is_dir() else []
    except ScenarioError:
        return []


def _loose(scenario: Scenario) -> Loaded:
    return Loaded(INVENTED, scenario)


def _codes(result: Result) -> list[str]:
    return list(dict.fromkeys(finding.code for finding in result.verdict.findings))


def _first(result: Result, code: str) -> Finding:
    return next(finding for finding in result.verdict.findings if finding.code == code)


def _found(code: str, result: Result, path: Path, case: int) -> Found:
    finding = _first(result, code)
    scenario = load(path).scenario
    return Found(
        code,
        finding.message,
        finding.token,
        path,
        count_turns(scenario),
        len(scenario.faults),
        case,
    )
