"""Load, run, judge, report: the one door for the command line and for pytest.

What plays a case as scripted, and one again by its token, lies in `cases`; the crashes of a sweep
in `crashes`. A verdict is reached from the record alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.checks.judge import judge
from harness.lab.cases.crew import Crew
from harness.lab.cases.replay import keep_each, replay
from harness.lab.cases.scripted import Manner, case_of
from harness.lab.crashes import errors as failures
from harness.lab.crashes import sweep as sweeping
from harness.lab.crashes.base import record_base
from harness.lab.crashes.judging import a_place
from harness.lab.crashes.sweep import merged
from harness.lab.pool import POOL, stoppable
from harness.lab.targets import TargetError, find_target, shipped_targets
from harness.model.catalogue import shipped
from harness.record import read
from harness.report.result import Result, Run
from harness.scenario.load import STORED, Loaded, ScenarioError
from harness.world.disk.choices import Tier

__all__ = [
    "TargetError",
    "bench",
    "check",
    "fail_everywhere",
    "merged",
    "notes",
    "play",
    "replay",
    "shipped_targets",
    "sweep",
]


def play(
    scenarios: Sequence[Loaded],
    *,
    target: str = "lifecycle",
    python: str | None = None,
    seed: int | None = None,
    jobs: int = 1,
    sweeps: bool = True,
    report: Path | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> Run:
    """Play every scenario and judge it.

    `target` is a shipped name or `path/to/file.py:Class`, opened under the interpreter `python`
    where that is given; `seed` overrides each scenario's own; `sweeps` says whether a scenario's
    `sweep:` is played too.
    With `report`, each record is stored under it as `<story>/record.jsonl`, beside it the verdict
    as `verdict.json` and the scenario as `scenario.json`, where `replay` finds it. A disk that has
    no room for that is said in the run's `unwritten`: it takes no verdict away.
    KeyboardInterrupt ends the run: what was done comes back with `interrupted` set, and no process
    is left behind. TargetError and ScenarioError come before anything is played.
    """
    _check_models(scenarios)
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
    manner = Manner(find_target(target, python), seed, sweeps=sweeps)
    return Crew(manner, report, on_result).play(scenarios, max(1, min(jobs, len(scenarios))))


def sweep(
    loaded: Loaded,
    *,
    target: str = "lifecycle",
    python: str | None = None,
    tiers: Sequence[Tier] = ("kill",),
    seed: int | None = None,
    states_max: int = sweeping.STATES_MAX,
    depth: int = 1,
    real: int = 0,
    jobs: int = 1,
    keep: Path | None = None,
    on_state: sweeping.OnState = lambda what, done, planned: None,
) -> Result:
    """Every crash of one scenario that the disk can tell apart, each judged.

    `tiers` are kill, ext4, posix; over `states_max` an even sample is judged, and the result says
    so. At `depth` 2 it crashes again during a sample of the recoveries. `real` operations, evenly
    spread, are each met by a real SIGKILL. With `keep`, each finding's directory is kept under its
    token, before and after the resume; what stands in the way of that is said in `unkept`.
    `on_state` hears what is being done, and how many of how many are done. Errors are those of
    `play`, and Interrupted with what was found until then.
    """
    _check_models([loaded])
    ref = find_target(target, python)
    case_seed = loaded.scenario.seed if seed is None else seed
    with stoppable() as stopped, POOL.servers(ref, max(1, jobs), stopped) as servers:
        named = case_of(loaded, ref, case_seed)
        with a_place(servers[0]) as home:
            base = record_base(loaded, ref, named, servers[0], home)
        bounds = {"states_max": states_max, "depth": depth, "real": real}
        swept = sweeping.sweep(base, servers, tiers, **bounds, on_state=on_state)
    try:
        return swept if keep is None else keep_each(swept, loaded, ref, keep)
    except KeyboardInterrupt as stopped:
        raise sweeping.Interrupted(swept) from stopped


def fail_everywhere(
    loaded: Loaded,
    *,
    target: str = "lifecycle",
    python: str | None = None,
    errors: Sequence[failures.Error] = failures.ERRORS,
    seed: int | None = None,
    most: int | None = None,
    jobs: int = 1,
    on_case: failures.OnCase = lambda error, done, planned: None,
) -> Result:
    """One scenario played once for each of its disk operations, which then fails, each judged.

    `errors` are ENOSPC and EIO; over `most` an even sample of the operations. `on_case` hears how
    many of how many are done. Exceptions are those of `play`.
    """
    with (
        bench(loaded, target, seed, python) as place,
        POOL.servers(place.target, max(1, jobs) - 1, place.server.stopped) as more,
    ):
        return failures.fail_everywhere(place, errors, more=more, most=most, on_case=on_case)


@contextlib.contextmanager
def bench(
    loaded: Loaded, target: str, seed: int | None = None, python: str | None = None
) -> Iterator[failures.Bench]:
    """Where one scenario and target are played with a disk that fails."""
    _check_models([loaded])
    ref = find_target(target, python)
    named = case_of(loaded, ref, loaded.scenario.seed if seed is None else seed)
    with stoppable() as stopped, POOL.server(ref, stopped) as server:
        yield failures.Bench(loaded, ref, named, server)


def notes() -> tuple[str, ...]:
    """What targets had to do without in what was played so far, a sentence each."""
    return tuple(POOL.notes)


def check(path: Path) -> Result:
    """Judge a stored record again; RecordError where it is none."""
    record = read(path)
    name = str(record.header.scenario.get("name", ""))
    started = time.perf_counter()
    verdict = judge(record)
    header, wall_s = record.header, time.perf_counter() - started
    beside = path.parent / STORED
    # Its scenario may lie elsewhere by now, or be another.
    stored = str(beside) if beside.is_file() else None
    return Result(header.scenario_path, name, record, verdict, wall_s, scenario_file=stored)


def _check_models(scenarios: Sequence[Loaded]) -> None:
    """A model that the mock does not know would be held against the target: ScenarioError."""
    catalogue = shipped()
    known = ", ".join(sorted(catalogue.models))
    for loaded in scenarios:
        name = loaded.scenario.model.name
        if catalogue.find(name) is None:
            raise ScenarioError(
                f"{loaded.path}: expected a model of the catalogue ({known}), "
                f"got {name!r}; correct `model: name`"
            )
