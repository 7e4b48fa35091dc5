"""One case again, alone: its token names scenario, target, seed and what is done to it.

What is replayed is judged anew; nothing is taken from when it was found. What lies in the session's
directory can be kept, before the crash, after it and after the resume.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from harness import case
from harness.checks.judge import judge
from harness.lab.cases.crew import Crew
from harness.lab.cases.scripted import Manner
from harness.lab.crashes import errors as failures
from harness.lab.crashes import sweep as sweeping
from harness.lab.crashes.base import record_base
from harness.lab.crashes.judging import a_place, crash_into
from harness.lab.crashes.real import record_of_strike
from harness.lab.pool import POOL, stoppable
from harness.lab.targets import TargetRef, find_target, shipped_targets
from harness.report.folder import Keep
from harness.report.result import Result
from harness.scenario.load import Loaded
from harness.world.disk.lay_down import lay_down


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
    kept = None if keep is None else Keep(keep)
    again = _again(loaded, ref, wanted, kept)
    return again if kept is None else dataclasses.replace(again, unkept=kept.trouble)


def keep_each(swept: Result, loaded: Loaded, ref: TargetRef, keep: Path) -> Result:
    """Replay each finding of a sweep, and keep what lay there under its token.

    What stands in the way of that takes no finding away: it is in the result.
    """
    troubles: list[str] = []
    for finding in swept.verdict.findings:
        kept = Keep(keep / finding.token)
        try:
            _replay_swept(loaded, ref, case.parse(finding.token), kept)
        except Exception as error:  # noqa: BLE001 - hours of a sweep are not thrown away for it
            words = str(error) if isinstance(error, LookupError | ValueError) else repr(error)
            troubles.append(f"--keep {keep}: {finding.token} could not be kept: {words}")
        if kept.trouble:
            troubles.append(kept.trouble)
            break  # the next would have no room either
    more = f"; nor could {len(troubles) - 1} more" if len(troubles) > 1 else ""
    return dataclasses.replace(swept, unkept=f"{troubles[0]}{more}" if troubles else "")


def _again(loaded: Loaded, ref: TargetRef, wanted: case.Case, keep: Keep | None) -> Result:
    if (failing := failures.named(wanted.choice)) is not None:
        with stoppable() as stopped, POOL.server(ref, stopped) as server:
            return failures.Bench(loaded, ref, wanted, server).replay(failing, keep)
    if wanted.choice != case.AS_SCRIPTED:
        return _replay_swept(loaded, ref, wanted, keep)
    played = Crew(Manner(ref, wanted.seed, keep, sweeps=False)).play([loaded], 1)
    if not played.results:
        raise KeyboardInterrupt
    return played.results[0]


def _replay_swept(loaded: Loaded, ref: TargetRef, wanted: case.Case, keep: Keep | None) -> Result:
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
                keep.put("after-crash", partial(lay_down, left))
            record = crash_into(base, left, server, home)
            if keep is not None:
                keep.copy(home, "after-resume")
        elif keep is not None:
            keep.copy(home, "at-the-end")
        verdict = judge(record)
        findings = tuple(sweeping.explain(root, one, server) for one in verdict.findings)
    verdict = dataclasses.replace(verdict, findings=findings)
    wall_s = time.perf_counter() - started
    return Result(loaded.path, loaded.scenario.name, record, verdict, wall_s)


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
