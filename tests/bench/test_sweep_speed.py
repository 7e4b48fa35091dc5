"""How fast states are judged, and real processes killed: both sides printed, in one run.

Twenty turns on two workers. The floors of the same run are the SDK's bare call and a bare fork; the
rates asked of two free cores are printed beside what was measured, and the gate is a ratio: a state
in the warm life costs a fraction of one in forks.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.lab.crashes.base import Base, record_base
from harness.lab.crashes.crew import share_out
from harness.lab.crashes.judging import Bench, Judged, a_place
from harness.lab.crashes.real import Strike, confirm
from harness.lab.crashes.warm import warm_life
from harness.lab.play import case_of
from harness.lab.pool import POOL
from harness.lab.runner import settings_of
from harness.lab.targets import find_target
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.clock import VirtualClock
from harness.world.disk.lay_down import lay_down
from harness.world.disk.states import State, states
from harness.world.process import Life, Returned, Server
from harness.world.syscalls.rehearsal import available

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)
BROKEN = Path(__file__).parents[1] / "broken"
STACKS = Path(__file__).parents[1] / "stacks"
TARGETS = {
    "jsonl": f"{BROKEN / 'honest.py'}:Honest",
    "reference": "lifecycle",
    "sqlite": f"{STACKS / 'lifecycle_sqlite.py'}:InSqlite",
}
TWENTY = Scenario.model_validate(
    {
        "name": "twenty turns",
        "stack": {"checkpoint_every": 5},
        "script": [{"repeat": 20, "every": "3m", "user": {"words": 20}, "reply": {"words": 40}}],
    }
)
WORKERS = 2
STATES = 300
TIMES_CHEAPER_MIN = 2.0


@pytest.mark.parametrize("kind", TARGETS)
def test_a_state_in_the_warm_life_costs_a_fraction_of_one_in_forks(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ref, loaded = find_target(TARGETS[kind]), Loaded("bench/twenty.scenario.yaml", TWENTY)
    with (
        POOL.server(ref, lambda: False) as one,
        POOL.server(ref, lambda: False) as two,
    ):
        with a_place(one) as home:
            base = record_base(loaded, ref, case_of(loaded, ref, 0), one, home)
        chosen = states(base.operations, "ext4").distinct[:STATES]
        asked = _asked(base, chosen, [one, two])
        warm = _rate(base, chosen, [one, two], in_warmth=True)
        forks = _rate(base, chosen[:: len(chosen) // 20], [one, two], in_warmth=False)
        struck = _struck(base, [one, two])
    with capsys.disabled():
        sys.stdout.write(
            f"\n  {kind}: {asked:,.0f} states a second opened and asked (goal 2,000; sqlite 500); "
            f"{warm:,.0f} judged: opened, asked, sent the next message, killed and opened again "
            f"(goal 400); {forks:,.1f} in forks; {struck:.1f} real kills a second over "
            f"{TWENTY.name} (goal 20); load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
        )
    assert warm / forks > TIMES_CHEAPER_MIN


def _asked(base: Base, chosen: Sequence[State], servers: Sequence[Server]) -> float:
    """Laid down, opened, asked for its history and closed, in one breath of one life."""

    def work(server: Server, some: Sequence[State]) -> Iterator[int]:
        clock = VirtualClock(base.scenario.clock.start)
        with a_place(server) as home:
            order = {"home": str(home), "seed": 0, "life": 1, "tools": []}
            again = {**order, "epoch_ns": clock.epoch_ns, "origin_ns": clock.origin_ns}
            opened = {"session_id": "session-1", "settings": settings_of(base.scenario)}
            breath = [
                {"do": "again", **again},
                {"do": "open", **opened},
                {"do": "history"},
                {"do": "close"},
            ]
            life = Life(server, clock, order)
            for left in some:
                lay_down(left, home)
                said = [life.ask_series(breath, _nothing)]
                while isinstance(said[-1], Returned) and len(said) < len(breath):
                    said.append(life.hear(_nothing))
                assert isinstance(said[-1], Returned), said[-1]
                yield sum(isinstance(one, Returned) for one in said)
            life.kill()
        clock.close()

    began = time.perf_counter()
    assert set(share_out(work, chosen, servers)) == {4}
    return len(chosen) / (time.perf_counter() - began)


def _nothing(call: Mapping[str, Any]) -> Mapping[str, Any]:
    raise AssertionError(f"nobody expected {call}")


def _rate(
    base: Base, chosen: Sequence[State], servers: Sequence[Server], *, in_warmth: bool
) -> float:
    def work(server: Server, some: Sequence[State]) -> Iterator[Judged]:
        with warm_life(server, base.scenario) as warm:
            bench = Bench(base, server, warm if in_warmth else None)
            try:
                yield from bench.judge_all(some)
            finally:
                bench.close()

    began = time.perf_counter()
    judged = list(share_out(work, chosen, servers))
    assert {one.verdict.outcome for one in judged} == {"pass"}
    return len(chosen) / (time.perf_counter() - began)


def _struck(base: Base, servers: Sequence[Server]) -> float:
    points = range(0, len(base.operations), max(1, len(base.operations) // 12))

    def work(server: Server, some: Sequence[int]) -> Iterator[Strike]:
        return confirm(server, base, some)

    began = time.perf_counter()
    strikes = list(share_out(work, points, servers))
    assert [one.unknown for one in strikes] == [None] * len(strikes)
    return len(strikes) / (time.perf_counter() - began)
