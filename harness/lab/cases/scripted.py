"""One scenario as scripted, and its `sweep:` where it has one, played and judged.

What the target does wrong is in the verdict. What the harness does wrong is there too: where it
breaks on the way, the record says so and the result is invalid, with what had been found until
then. Only what concerns every scenario alike is raised.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness import case
from harness.checks.evidence.validity import how_it_broke
from harness.checks.judge import judge, unjudged
from harness.checks.verdict import Verdict
from harness.lab.crashes import sweep as sweeping
from harness.lab.crashes.base import record_base
from harness.lab.crashes.judging import a_place
from harness.lab.faults.deaths import needs_recorder
from harness.lab.runner import broken, run
from harness.lab.targets import TargetRef
from harness.record import Header, Record
from harness.report.folder import Keep
from harness.report.result import Result
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.process import Server, Stopped
from harness.world.syscalls.rehearsal import UnknownRecorder, choose


@dataclass(frozen=True)
class Manner:
    """How scenarios are played: on which target, under which seed (None: each under its own),
    what is kept of the directory, and whether a scenario's `sweep:` is played too."""

    target: TargetRef
    seed: int | None = None
    keep: Keep | None = None
    sweeps: bool = True

    def case_of(self, loaded: Loaded) -> case.Case:
        """The case of playing this scenario."""
        seed = loaded.scenario.seed if self.seed is None else self.seed
        return case_of(loaded, self.target, seed)


def case_of(loaded: Loaded, ref: TargetRef, seed: int) -> case.Case:
    """The case of playing this scenario as scripted."""
    content = case.scenario_hash(loaded.scenario.dump())
    return case.Case(content, case.target_hash(ref.name), seed)


def fidelity(scenario: Scenario) -> Literal["seccomp", "python", "none"]:
    """How finely the disk is watched: by the recorder of this machine where a fault needs it."""
    return choose().fidelity if needs_recorder(scenario.faults) else "none"


def play_scripted(loaded: Loaded, manner: Manner, server: Server) -> Result:
    """Play it on a warm server. Stopped where the user wants that; UnknownRecorder."""
    record = _blank_record(loaded, manner)
    began = time.perf_counter()
    try:
        played = _played(loaded, manner, server, record)
        if loaded.scenario.sweep is None or not manner.sweeps:
            return played
        return sweeping.merged(played, _swept(loaded, manner, server))
    except (Stopped, UnknownRecorder):
        raise
    except Exception as error:  # noqa: BLE001 - the other scenarios can do nothing about it
        verdict = _judged(record, _put_on_record(error, record))
        wall_s = time.perf_counter() - began
        return Result(loaded.path, loaded.scenario.name, record, verdict, wall_s)


def _blank_record(loaded: Loaded, manner: Manner) -> Record:
    named = manner.case_of(loaded)
    ref = manner.target
    return Record(
        Header(
            token=named.token,
            scenario=loaded.scenario.dump(),
            scenario_path=loaded.path,
            target=ref.name,
            seed=named.seed,
            fidelity=fidelity(loaded.scenario),
            volatile={"pid": os.getpid(), "started_ns": time.time_ns(), "target": ref.option},
        )
    )


def _played(loaded: Loaded, manner: Manner, server: Server, record: Record) -> Result:
    started = time.perf_counter()
    with a_place(server) as home:
        run(loaded.scenario, record, server, home, manner.keep)
        wall_s = time.perf_counter() - started
    return Result(loaded.path, loaded.scenario.name, record, judge(record), wall_s)


def _swept(loaded: Loaded, manner: Manner, server: Server) -> Result:
    """Its sweep, as far as that came."""
    wanted = loaded.scenario.sweep
    if wanted is None:
        raise ValueError(f"{loaded.path} wants no sweep")
    with a_place(server) as home:
        base = record_base(loaded, manner.target, manner.case_of(loaded), server, home)
    try:
        return sweeping.sweep(base, [server], wanted.disk, depth=wanted.depth)
    except sweeping.Interrupted as stopped:
        return stopped.result


def _put_on_record(error: Exception, record: Record) -> Mapping[str, object]:
    last = record.events[-1] if record.events else None
    at_ns, life = (last.at_ns, last.life) if last is not None else (0, 0)
    return record.add("broke", broken(error), at_ns=at_ns, life=life, turn=None).data


def _judged(record: Record, broke: Mapping[str, object]) -> Verdict:
    """What can be said of it; where the judge is what broke, only that."""
    try:
        return judge(record)
    except Exception:  # noqa: BLE001 - it has been put on record
        return unjudged(how_it_broke(broke))
