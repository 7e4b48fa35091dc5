"""How fast states are opened and judged, and real processes killed: both sides, in one run.

Twenty turns on two workers, against the goals of two free cores. Every state is distinct, of all
three tiers, and every answer is judged. *Asked* is laid down, opened, asked for history, checkpoint
and usage, closed. *Spoken to* is what a sweep does: the next message goes through the SDK, then the
state is crashed again and opened once more. Beside them the floors of the same run: a state laid
down and nothing else, a bare fork, the turn of a life that nobody records.

Two rates are printed: the wall's, which suffers from whoever else works here, and the one that the
processor time of all processes (runner, life, server) would give on two free cores. That time is
higher on a loaded machine as well, but far less so. What is gated is a ratio within one run.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from multiprocessing import Barrier
from pathlib import Path
from typing import Any

import pytest

from harness.lab.cases.scripted import case_of
from harness.lab.crashes.again import record_recovery
from harness.lab.crashes.base import Base, record_base
from harness.lab.crashes.crew import share_out
from harness.lab.crashes.judging import Bench, a_place
from harness.lab.crashes.real import confirm
from harness.lab.crashes.warm import warm_life
from harness.lab.pool import POOL
from harness.lab.runner import run
from harness.lab.targets import find_target
from harness.record import Record
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.clock import VirtualClock
from harness.world.disk.choices import TIERS, Tier
from harness.world.disk.lay_down import lay_down
from harness.world.disk.states import State, states
from harness.world.process import Life, Server
from harness.world.syscalls.rehearsal import available

WORKS, WHY = available()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not WORKS, reason=WHY)]
TESTS = Path(__file__).parents[1]
TARGETS = {
    "hardened JSONL": f"{TESTS / 'stacks' / 'remembering.py'}:Hardened",
    "tiny stack, JSONL": f"{TESTS / 'broken' / 'honest.py'}:Honest",
    "reference, JSONL": "lifecycle",
    "SQLite": f"{TESTS / 'stacks' / 'remembering.py'}:Databased",
    "reference, SQLite": f"{TESTS / 'stacks' / 'lifecycle_sqlite.py'}:InSqlite",
}
GOALS = {
    "hardened JSONL": {"asked": 2_000, "spoken to": 400},
    "SQLite": {"asked": 500},
    "reference, JSONL": {"killed": 20, "killed in one turn": 100},
}
TWENTY = Scenario.model_validate(
    {
        "name": "twenty turns",
        "stack": {"checkpoint_every": 5},
        "script": [{"repeat": 20, "every": "3m", "user": {"words": 20}, "reply": {"words": 40}}],
    }
)
LOSES_NAMES = ("tiny stack, JSONL",)
"""On any posix disk: of these only what a kill or ext4 leaves is opened, as all here must pass."""
CORES = 2
STATES = 400
ROUNDS = 8
KILLS = 24
TIMES_CHEAPER_MIN = 2.0
TIMES_BARE_MAX = 2.0
PATIENCE_S = 120.0
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Stretch:
    """What one worker did: how many, from when to when, with how much processor time."""

    count: int
    began: float
    ended: float
    processor_s: float


@dataclass(frozen=True)
class Rate:
    """A second's worth, by the wall and by the processor time on free cores."""

    wall: float
    free: float

    def told(self, goal: int | None) -> str:
        """Both, and what was asked for."""
        asked = "" if goal is None else f" (goal {goal:,})"
        return (
            f"{self.wall:10,.1f}/s by the wall, {self.free:10,.1f}/s on {CORES} free cores{asked}"
        )


Work = Callable[[Server, Sequence[Any]], Iterator[Any]]


def rate(work: Work, items: Sequence[Any], servers: Sequence[Server], rounds: int = ROUNDS) -> Rate:
    """The best of some rounds of this work on all items, shared out; the first item of a round
    pays for its start and is not counted, nor is what a worker pays for being new, where there are
    several rounds. All begin a round together, or the wall would count who waits for nobody."""
    together = Barrier(min(len(items), len(servers)))

    def timed(server: Server, some: Sequence[Any]) -> Iterator[tuple[int, Stretch]]:
        for number in range(rounds):
            done = work(server, some)
            next(done)
            together.wait(PATIENCE_S)
            began, before = time.perf_counter(), _processor_s(server)
            count = sum(1 for _ in done)
            # What lives on is counted with its server's children only when it is reaped.
            spent_s = _processor_s(server) - before
            yield number, Stretch(count, began, time.perf_counter(), spent_s)

    found = []
    told = list(share_out(timed, items, servers))
    for each_round in range(rounds):
        stretches = [stretch for number, stretch in told if number == each_round]
        count = sum(each.count for each in stretches)
        wall_s = max(each.ended for each in stretches) - min(each.began for each in stretches)
        spent_s = sum(each.processor_s for each in stretches)
        found.append(Rate(count / wall_s, count / spent_s * CORES))
    return max(found, key=lambda each: each.free)


def _processor_s(server: Server) -> float:
    """Of this process, of the server with the lives it has reaped, and of those that live."""
    living = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text("ascii").split()
    reaped = Path(f"/proc/{server.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (
        time.process_time()
        + sum(int(reaped[n]) for n in (13, 14)) * TICK_S
        + sum(_scheduled_s(pid) for pid in (server.pid, *living))
    )


def _scheduled_s(pid: int | str) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1e9


def distinct(base: Base, tiers: Sequence[Tier]) -> Sequence[State]:
    """States of these tiers, each directory once, an even sample."""
    every = [left for tier in tiers for left in states(base.operations, tier)]
    once = [*{left.digest: left for left in every}.values()]
    return once[:: max(1, len(once) // STATES)]


def _judging(base: Base, judge: str) -> Work:
    """States asked, spoken to, or spoken to in forks."""

    def work(server: Server, some: Sequence[State]) -> Iterator[Any]:
        with warm_life(server, base.scenario) as warm:
            bench = Bench(base, server, None if judge == "in forks" else warm)
            if judge == "asked":
                # The first by itself, so that as many are tried as are counted after it.
                verdicts: Iterator[Any] = chain(bench.ask_all(some[:1]), bench.ask_all(some[1:]))
            else:
                verdicts = (each.verdict for each in bench.judge_all(some))
            for verdict in verdicts:
                assert verdict.outcome == "pass", verdict
                yield verdict
            bench.close()

    return work


def _laying(server: Server, some: Sequence[State]) -> Iterator[State]:
    with a_place(server) as home:
        for left in some:
            lay_down(left, home)
            yield left


def _forking(server: Server, some: Sequence[int]) -> Iterator[int]:
    clock = VirtualClock(TWENTY.clock.start)
    with a_place(server) as home:
        for number in some:
            life = Life(server, clock, {"home": str(home), "seed": 0, "life": 1, "tools": []})
            life.ask({"do": "nothing"}, lambda call: {})
            life.kill()
            yield number
    clock.close()


def _killing(base: Base) -> Work:
    def work(server: Server, some: Sequence[int]) -> Iterator[Any]:
        for strike in confirm(server, base, some):
            assert (strike.unknown, strike.verdict.outcome) == (None, "pass"), strike
            yield strike

    return work


def _playing(base: Base, *, recorded: bool) -> Work:
    """The whole conversation, in a life of its own."""

    def work(server: Server, some: Sequence[int]) -> Iterator[Any]:
        for _ in some:
            with a_place(server) as home:
                record = Record(base.header)
                run(base.scenario, record, server, home, traced=recorded)
            assert record.events[-1].kind == "ended"
            yield record

    return work


@pytest.fixture(params=TARGETS)
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str, Base, list[Server]]]:
    """A target, its base, and two servers."""
    ref, loaded = find_target(TARGETS[request.param]), Loaded("bench/20.scenario.yaml", TWENTY)
    with POOL.server(ref, lambda: False) as one, POOL.server(ref, lambda: False) as two:
        with a_place(one) as home:
            base = record_base(loaded, ref, case_of(loaded, ref, 0), one, home)
        yield request.param, base, [one, two]


def test_states_are_opened_asked_spoken_to_and_processes_killed_at_rates_that_are_printed(
    place: tuple[str, Base, list[Server]], capsys: pytest.CaptureFixture[str]
) -> None:
    kind, base, servers = place
    chosen = distinct(base, TIERS[:2] if kind in LOSES_NAMES else TIERS)
    few = chosen[::20]
    at = range(3, len(base.operations), max(1, len(base.operations) // KILLS))
    with a_place(servers[0]) as home:
        middle = next(left for left in chosen if left.at > len(base.operations) // 2)
        turn = record_recovery(base, middle, servers[0], home)
    again = [*range(len(turn.operations))] * max(1, KILLS // len(turn.operations))
    played = {
        "played bare": rate(_playing(base, recorded=False), range(12), servers),
        "played, recorded": rate(_playing(base, recorded=True), range(12), servers),
    }
    rates = {
        "laid down": rate(_laying, chosen, servers),
        "asked": rate(_judging(base, "asked"), chosen, servers),
        "spoken to": rate(_judging(base, "spoken to"), chosen, servers),
        "spoken to in forks": rate(_judging(base, "in forks"), few, servers, 1),
        "forked": rate(_forking, range(80), servers),
        "killed": rate(_killing(base), at, servers, 1),
        "killed in one turn": rate(_killing(turn), again, servers),
    }
    goals = GOALS.get(kind, {})
    with capsys.disabled():
        load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        sys.stdout.write(f"\n  {kind}: {len(chosen)} distinct states of {TWENTY.name}, {load}\n")
        for what, found in (rates | played).items():
            sys.stdout.write(f"    {what:<20}{found.told(goals.get(what))}\n")
        bare, recorded = (found.free for found in played.values())
        sys.stdout.write(f"    a recorded turn costs {bare / recorded:.2f} bare ones (goal 2)\n")
    assert bare / recorded < TIMES_BARE_MAX
    assert rates["spoken to"].free / rates["spoken to in forks"].free > TIMES_CHEAPER_MIN
    assert rates["asked"].free > rates["spoken to"].free
