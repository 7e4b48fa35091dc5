"""Every disk error there is: one run for each operation of the conversation, which then fails.

`ENOSPC`: from that operation on the disk is full, until the call to the target is over; then there
is space again. `EIO`: that one operation fails, once. The conversation goes on: what failed is
tried again by the user. At the end the power is cut, and what was acknowledged must be there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from harness.case import Case, parse
from harness.checks.judge import judge, unjudged
from harness.checks.verdict import Finding, Verdict
from harness.lab.crashes.base import Base, record_base, without_deaths
from harness.lab.crashes.crew import share_out
from harness.lab.crashes.real import source_line
from harness.lab.crashes.sweep import CUT_SHORT, FICKLE, Diverged, Interrupted, one_a_shape
from harness.lab.faults.failures import DiskError
from harness.lab.runner import run
from harness.lab.targets import TargetRef
from harness.record import Header, Record
from harness.report.folder import Keep
from harness.report.result import Result, StateCount
from harness.scenario.load import Loaded
from harness.world.process import Server, Stopped
from harness.world.syscalls.operations import Operation, fingerprint
from harness.world.syscalls.rehearsal import choose

Error = Literal["ENOSPC", "EIO"]
ERRORS: tuple[Error, ...] = ("ENOSPC", "EIO")
_INITIALS: Mapping[str, Error] = {"n": "ENOSPC", "i": "EIO"}
OnCase = Callable[[str, int, int], None]
"""Hears which error, how many cases are done, of how many."""


@dataclass(frozen=True)
class Failing:
    """One case: the number of the operation, from 0, and what becomes of it."""

    number: int
    error: str

    shape: str

    @property
    def choice(self) -> str:
        """As a token names it: `n12.SHAPE`, the disk is full at operation 12; `i12.SHAPE`, EIO.

        The shape is that of the run until there.
        """
        return f"{'n' if self.error == 'ENOSPC' else 'i'}{self.number}.{self.shape}"


def named(choice: str) -> Failing | None:
    """The case that a token's choice names, None where it is of another kind."""
    name, _, shape = choice.partition(".")
    if name[:1] in _INITIALS and name[1:].isdecimal():
        return Failing(int(name[1:]), _INITIALS[name[0]], shape)
    return None


def failing_at(operations: Sequence[Operation], number: int, error: str) -> Failing:
    """The case of a run that does these operations."""
    return Failing(number, error, fingerprint(operations[: number + 1]))


@dataclass(frozen=True)
class Bench:
    """Where the cases of one scenario and target are played."""

    loaded: Loaded
    target: TargetRef
    case: Case
    server: Server

    def base(self) -> Base:
        """The run in which nothing fails."""
        with self._home() as home:
            return record_base(self.loaded, self.target, self.case, self.server, home)

    def replay(self, failing: Failing, keep: Keep | None = None) -> Result:
        """One case by itself; with `keep` the directory is copied there before each turn."""
        began = time.perf_counter()
        base = self.base()
        if failing != failing_at(base.operations, failing.number, failing.error):
            raise Diverged(
                f"the trace diverged: until operation {failing.number} this code does not do what "
                "the token's did, so another operation would fail; sweep again"
            )
        record = self.play(failing, keep)
        verdict = judge(record)
        findings = tuple(self.explain(base, finding) for finding in verdict.findings)
        verdict = dataclasses.replace(verdict, findings=findings)
        wall_s = time.perf_counter() - began
        return Result(self.loaded.path, self.loaded.scenario.name, record, verdict, wall_s)

    def play(self, failing: Failing, keep: Keep | None = None) -> Record:
        """The run in which that operation fails."""
        record = self._record(failing.choice)
        error = DiskError(failing.number, failing.error)
        scenario = without_deaths(self.loaded.scenario)
        with self._home() as home:
            run(scenario, record, self.server, home, keep, traced=True, failing=error)
        if error.life is None:
            raise Diverged(f"operation {failing.number} never came, so it could not fail: {FICKLE}")
        return record

    def explain(self, base: Base, finding: Finding) -> Finding:
        """The finding with the operation that failed, and the line that issued it as its place."""
        failing = named(parse(finding.token).choice)
        if failing is None:
            return finding
        operation = base.operations[failing.number]
        told = f"{failing.error} at operation {failing.number}, {operation}"
        line = source_line(self.server, base, failing.number)
        return dataclasses.replace(
            finding,
            message=f"{finding.message}; it began with {told}",
            where=line or base.named(failing.number),
        )

    def _record(self, choice: str) -> Record:
        return Record(
            Header(
                token=dataclasses.replace(self.case, choice=choice).token,
                scenario=self.loaded.scenario.dump(),
                scenario_path=self.loaded.path,
                target=self.target.name,
                seed=self.case.seed,
                fidelity=choose().fidelity,
                volatile={"target": self.target.option},
            )
        )

    @contextlib.contextmanager
    def _home(self) -> Iterator[Path]:
        home = Path(tempfile.mkdtemp(dir=self.server.root))
        try:
            yield home
        finally:
            shutil.rmtree(home, ignore_errors=True)


def fail_everywhere(
    bench: Bench,
    errors: Sequence[Error] = ERRORS,
    *,
    more: Sequence[Server] = (),
    most: int | None = None,
    on_case: OnCase = lambda error, done, planned: None,
) -> Result:
    """Each error at each operation of the run, each judged; over `most` an even sample of them.

    `more` servers share the work with the bench's own.
    """
    began = time.perf_counter()
    base = bench.base()
    operations = _before_the_end(base)
    verdict = judge(base.record)
    findings, reasons = list(verdict.findings), list(verdict.reasons)
    counts: dict[str, StateCount] = {}
    stopped: BaseException | None = None
    for error in errors if base.is_explained else ():
        numbers = range(0, len(operations), -(-len(operations) // most) if most else 1)
        judged: dict[int, Verdict] = {}
        work = partial(_fail_at, bench, operations, error)
        try:
            for number, said in share_out(work, numbers, [bench.server, *more]):
                judged[number] = said
                on_case(error, len(judged), len(numbers))
        except (KeyboardInterrupt, Stopped) as stop:
            stopped = stop
            reasons.insert(0, CUT_SHORT)
        verdicts = [judged[number] for number in sorted(judged)]
        findings += [finding for one in verdicts for finding in one.findings]
        reasons += [reason for one in verdicts for reason in one.reasons]
        broken = sum(bool(one.findings) for one in verdicts)
        counts[error] = StateCount(len(operations), broken, len(verdicts))
        if stopped is not None:
            break
    told = [*_one_a_cause(findings)]
    whole = Verdict(
        "fail" if findings else "invalid" if reasons else "pass",
        tuple(told if stopped else [bench.explain(base, finding) for finding in told]),
        one_a_shape(reasons),
        verdict.not_applicable,
        verdict.numbers,
    )
    loaded, wall_s = bench.loaded, time.perf_counter() - began
    result = Result(loaded.path, loaded.scenario.name, base.record, whole, wall_s, counts)
    if stopped is not None:
        raise Interrupted(result) from stopped
    return result


def _before_the_end(base: Base) -> Sequence[Operation]:
    """The operations of the conversation: the power is cut before it could be closed."""
    final = next((event.n for event in base.record.of("history") if event.data["final"]), None)
    if final is None:
        return base.operations
    return base.operations[: sum(event.n < final for event in base.disk)]


def _fail_at(
    bench: Bench,
    operations: Sequence[Operation],
    error: Error,
    server: Server,
    numbers: Sequence[int],
) -> Iterator[tuple[int, Verdict]]:
    """The verdict on each of these operations failing, by its number."""
    place = dataclasses.replace(bench, server=server)
    for number in numbers:
        try:
            verdict = judge(place.play(failing_at(operations, number, error)))
        except Diverged as parted:
            verdict = unjudged(str(parted))
        yield number, verdict


def _one_a_cause(findings: Sequence[Finding]) -> Iterator[Finding]:
    """The first of each code and message; the others are the same bug again."""
    told: set[tuple[str, str]] = set()
    for finding in findings:
        cause = (finding.code, finding.message)
        if cause not in told:
            told.add(cause)
            yield finding
