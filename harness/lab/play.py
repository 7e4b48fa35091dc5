"""Load, run, judge, report: the one door for the command line and for pytest.

Each job is a thread with a warm server of its own; scenarios are handed out in order and come back
in that order. A verdict is reached from the record alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from harness import case
from harness.checks.judge import judge
from harness.lab.crashes import errors as failures
from harness.lab.crashes import sweep as sweeping
from harness.lab.crashes.base import record_base
from harness.lab.crashes.judging import a_place, crash_into
from harness.lab.crashes.real import record_of_strike
from harness.lab.crashes.sweep import merged
from harness.lab.faults.deaths import needs_recorder
from harness.lab.pool import POOL, stoppable
from harness.lab.runner import Keep, run
from harness.lab.targets import TargetError, TargetRef, find_target, shipped_targets
from harness.model.catalogue import shipped
from harness.record import Header, Record, read
from harness.report.folder import store
from harness.report.result import Result, Run
from harness.scenario.load import STORED, Loaded, ScenarioError
from harness.scenario.schema import Scenario
from harness.world.disk.choices import Tier
from harness.world.disk.lay_down import lay_down
from harness.world.process import Server, Stopped
from harness.world.syscalls.rehearsal import choose

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
    crew = _Crew(find_target(target, python), seed, report, on_result, sweeps=sweeps)
    return crew.play(scenarios, max(1, min(jobs, len(scenarios))))


def replay(
    token: str,
    scenarios: Sequence[Loaded],
    *,
    target: str | None = None,
    python: str | None = None,
    keep: Path | None = None,
) -> Result:
    """One case again, alone. The scenario is found by its hash, the target by its name's hash.

    TokenError, and LookupError with a full sentence when either is not to be found. With `keep`,
    the session's directory is copied there before and after each crash, and after the resume.
    """
    wanted = case.parse(token)
    loaded = _find_scenario(wanted, scenarios)
    ref = _find_target(wanted, target, python)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    if (failing := failures.named(wanted.choice)) is not None:
        with stoppable() as stopped, POOL.server(ref, stopped) as server:
            return failures.Bench(loaded, ref, wanted, server).replay(failing, keep)
    if wanted.choice != case.AS_SCRIPTED:
        return _replay_swept(loaded, ref, wanted, keep)
    crew = _Crew(ref, wanted.seed, None, None, None if keep is None else Keep(keep), sweeps=False)
    played = crew.play([loaded], 1)
    if not played.results:
        raise KeyboardInterrupt
    return played.results[0]


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
    token, before and after the resume. `on_state` hears what is being done, and how many of how
    many are done. Errors are those of `play`, and Interrupted with what was found until then.
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
        if keep is not None:
            _keep_each(swept, loaded, ref, keep)
    except KeyboardInterrupt as stopped:
        raise sweeping.Interrupted(swept) from stopped
    return swept


def _keep_each(swept: Result, loaded: Loaded, ref: TargetRef, keep: Path) -> None:
    for finding in swept.verdict.findings:
        folder = keep / finding.token
        folder.mkdir(parents=True, exist_ok=True)
        _replay_swept(loaded, ref, case.parse(finding.token), folder)


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


def _replay_swept(loaded: Loaded, ref: TargetRef, wanted: case.Case, keep: Path | None) -> Result:
    started = time.perf_counter()
    with stoppable() as stopped, POOL.server(ref, stopped) as server, a_place(server) as home:
        base = root = record_base(loaded, ref, wanted, server, home)
        record = base.record
        if struck := sweeping.STRUCK.fullmatch(wanted.choice):
            sweeping.must_lead_to(base, struck[2])
            with a_place(server) as again:
                record = record_of_strike(server, base, int(struck[1]), again, keep)
        elif wanted.choice != case.BASELINE:
            with a_place(server) as again:
                base, left = sweeping.find_state(base, wanted.choice, server, again)
            if keep is not None:
                lay_down(left, keep / "after-crash")
            record = crash_into(base, left, server, home)
            if keep is not None:
                shutil.copytree(home, keep / "after-resume", dirs_exist_ok=True)
        verdict = judge(record)
        findings = tuple(sweeping.explain(root, one, server) for one in verdict.findings)
    verdict = dataclasses.replace(verdict, findings=findings)
    wall_s = time.perf_counter() - started
    return Result(loaded.path, loaded.scenario.name, record, verdict, wall_s)


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


def case_of(loaded: Loaded, ref: TargetRef, seed: int) -> case.Case:
    """The case of playing this scenario as scripted."""
    content = case.scenario_hash(loaded.scenario.dump())
    return case.Case(content, case.target_hash(ref.name), seed)


def fidelity(scenario: Scenario) -> Literal["seccomp", "python", "none"]:
    """How finely the disk is watched: by the recorder of this machine where a fault needs it."""
    return choose().fidelity if needs_recorder(scenario.faults) else "none"


class _Crew:
    """The threads that play, and what they share."""

    def __init__(
        self,
        ref: TargetRef,
        seed: int | None,
        report: Path | None,
        on_result: Callable[[Result], None] | None,
        keep: Keep | None = None,
        sweeps: bool = True,
    ) -> None:
        self._sweeps = sweeps
        self._ref = ref
        self._seed = seed
        self._report = report
        self._on_result = on_result
        self._keep = keep
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._unwritten = ""
        self._done: dict[int, Result] = {}
        self._errors: list[BaseException] = []
        self._waiting: queue.SimpleQueue[tuple[int, Loaded]] = queue.SimpleQueue()
        self._home: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._came_home = threading.Event()

    def play(self, scenarios: Sequence[Loaded], jobs: int) -> Run:
        for numbered in enumerate(scenarios):
            self._waiting.put(numbered)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        interrupted = False
        while self._home.qsize() < jobs:
            # Not thread.join: interrupted, CPython 3.11 takes a running thread for a finished one.
            try:
                self._came_home.wait(0.05)
                self._came_home.clear()
            except KeyboardInterrupt:
                interrupted = True
                self._stop.set()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        results = tuple(self._done[index] for index in sorted(self._done))
        return Run(results, len(scenarios), interrupted, self._unwritten)

    def _work(self) -> None:
        try:
            with POOL.server(self._ref, self._stop.is_set) as server:
                while not self._stop.is_set():
                    try:
                        index, loaded = self._waiting.get_nowait()
                    except queue.Empty:
                        break
                    home = Path(tempfile.mkdtemp(dir=server.root))
                    self._finish(index, self._play_one(loaded, server, home))
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self._fail(error)
        finally:
            self._home.put(threading.get_ident())
            self._came_home.set()

    def _fail(self, error: BaseException) -> None:
        self._errors.append(error)
        self._stop.set()

    def _play_one(self, loaded: Loaded, server: Server, home: Path) -> Result:
        scenario = loaded.scenario
        seed = scenario.seed if self._seed is None else self._seed
        volatile = {"pid": os.getpid(), "started_ns": time.time_ns(), "target": self._ref.option}
        record = Record(
            Header(
                token=case_of(loaded, self._ref, seed).token,
                scenario=scenario.dump(),
                scenario_path=loaded.path,
                target=self._ref.name,
                seed=seed,
                fidelity=fidelity(scenario),
                volatile=volatile,
            )
        )
        started = time.perf_counter()
        run(scenario, record, server, home, self._keep)
        wall_s = time.perf_counter() - started
        shutil.rmtree(home, ignore_errors=True)
        played = Result(loaded.path, scenario.name, record, judge(record), wall_s)
        wanted = scenario.sweep
        if wanted is None or not self._sweeps:
            return played
        with a_place(server) as home:
            base = record_base(loaded, self._ref, case_of(loaded, self._ref, seed), server, home)
        try:
            swept = sweeping.sweep(base, [server], wanted.disk, depth=wanted.depth)
        except sweeping.Interrupted as stopped:
            swept = stopped.result
        return merged(played, swept)

    def _finish(self, index: int, result: Result) -> None:
        if self._report is not None and not self._unwritten:
            self._unwritten = store(result, self._report)
        with self._lock:
            self._done[index] = result
            if self._on_result is not None:
                self._on_result(result)


def _find_scenario(wanted: case.Case, scenarios: Sequence[Loaded]) -> Loaded:
    for loaded in scenarios:
        if case.scenario_hash(loaded.scenario.dump()) == wanted.scenario_hash:
            return loaded
    raise LookupError(
        f"none of the {len(scenarios)} scenarios at hand has the content {wanted.scenario_hash} "
        "that the token names: it has been changed since, or lies elsewhere (--in PATHS)"
    )


def _find_target(wanted: case.Case, target: str | None, python: str | None) -> TargetRef:
    names = shipped_targets() if target is None else (target,)
    for name in names:
        ref = find_target(name, python)
        if case.target_hash(ref.name) == wanted.target_hash:
            return ref
    if target is None:
        raise LookupError(
            "the token's target is none of the shipped ones "
            f"({', '.join(names)}): name it with --target path/to/file.py:Class"
        )
    raise LookupError(
        f"--target {target} is not the target that the token names: leave it out for a shipped "
        "one, or give the same file name and class as when it was found"
    )
