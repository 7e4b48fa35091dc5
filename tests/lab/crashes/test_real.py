"""Real kills: what one leaves is a state of the generator's, and each of those is left by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.case import parse
from harness.checks.judge import judge
from harness.checks.verdict import Verdict
from harness.lab.cases.scripted import case_of
from harness.lab.crashes import judging, real
from harness.lab.crashes.base import Base, record_base
from harness.lab.crashes.judging import a_place
from harness.lab.crashes.real import Strike, confirm, record_of_strike, source_line, strike
from harness.lab.crashes.warm import warm_life
from harness.lab.pool import POOL
from harness.lab.targets import find_target
from harness.record import Record
from harness.report.folder import Keep
from harness.world.disk.states import states
from harness.world.process import Server
from harness.world.syscalls.rehearsal import available
from harness.world.tree import Tree, difference
from tests.lab.crashes.conftest import recorded, story

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)
SQLITE = str(Path(__file__).parents[2] / "stacks" / "lifecycle_sqlite.py:InSqlite")
HONEST = str(Path(__file__).parents[2] / "broken" / "honest.py:Honest")


@pytest.fixture(params=["lifecycle", HONEST, "naive"], ids=["lifecycle", "honest", "naive"])
def stack(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Base]]:
    with POOL.server(find_target(request.param), lambda: False) as server:
        yield server, recorded(server, request.param)


def test_a_kill_at_any_operation_leaves_what_the_generator_says(
    stack: tuple[Server, Base],
) -> None:
    legal, reached = _killed_at(*stack, step=2)
    assert len(reached) > legal // 3


@pytest.mark.slow
def test_and_at_every_operation_each_state_that_is_not_torn_is_left_by_one(
    stack: tuple[Server, Base],
) -> None:
    legal, reached = _killed_at(*stack, step=1)
    # The last one is left by a run that ends by itself.
    assert reached >= set(range(legal - 1))


def _killed_at(server: Server, base: Base, step: int) -> tuple[int, set[int]]:
    """How many states that are not torn there are, and which of them real kills left."""
    legal = [left.tree() for left in states(base.operations, "kill") if not left.choice]
    reached = set()
    for one in confirm(server, base, range(0, len(base.operations), step)):
        assert one.unknown is None
        same = [number for number, tree in enumerate(legal) if difference(tree, one.left) is None]
        assert len(same) == 1
        reached |= set(same)
    return len(legal), reached


def test_the_reference_stack_goes_on_after_each(base: Base, server: Server) -> None:
    for at in (3, len(base.operations) // 2, len(base.operations) - 1):
        with a_place(server) as home:
            one = strike(server, base, at, home)()
        assert (one.verdict.outcome, one.at) == ("pass", at)


def test_a_warm_life_that_goes_on_is_not_asked_ahead_what_a_redelivery_does_not_ask(
    server: Server,
) -> None:
    again = story(faults=[{"redelivery": {"turn": 3, "of": 1}}])
    ref = find_target("lifecycle")
    with a_place(server) as home:
        base = record_base(again, ref, case_of(again, ref, 0), server, home)
    with warm_life(server, base.scenario) as warm:
        around = {each.name for each in server.root.iterdir()}
        for at in (3, len(base.operations) // 2):
            with a_place(server) as home:
                one = strike(server, base, at, home, warm)()
            assert (one.verdict.outcome, one.verdict.findings, one.verdict.reasons) == (
                "pass",
                (),
                (),
            )
        assert {each.name for each in server.root.iterdir()} == around


KEPT = ("after-crash", "after-resume")


def test_a_kill_is_a_case_of_the_tier_real_with_a_token_and_what_lay_there_is_kept(
    base: Base, server: Server, tmp_path: Path
) -> None:
    with a_place(server) as home:
        record = record_of_strike(server, base, 5, home, Keep(tmp_path))
    (crashed,) = record.of("crashed")
    assert (crashed.data["tier"], crashed.data["at"]) == ("real", base.named(5))
    assert parse(record.header.token).choice.startswith("r5.5.")
    lay, lies = (sorted(p.name for p in tmp_path.glob(f"{when}/**/*.jsonl")) for when in KEPT)
    assert lay
    assert set(lies) >= set(lay)


def test_the_line_that_issued_an_operation_is_found(stack: tuple[Server, Base]) -> None:
    server, base = stack
    writes = [n for n, op in enumerate(base.operations) if op.kind == "write"]
    line = source_line(server, base, writes[-1])
    assert line is not None
    assert ".py:" in line


def test_a_kill_in_its_last_operations_as_it_closes_is_followed_by_another_life() -> None:
    with POOL.server(find_target(SQLITE), lambda: False) as server:
        base = recorded(server, SQLITE)
        with a_place(server) as home:
            record = record_of_strike(server, base, len(base.operations) - 1, home)
    (usage,), (crashed,) = base.record.of("usage"), record.of("crashed")
    assert base.disk[-1].n > usage.n
    assert [event.kind for event in record.events[crashed.n + 1 :]].count("opened") == 1
    assert judge(record).outcome == "pass"


def test_after_the_blow_a_warm_life_goes_on_as_forks_would(stack: tuple[Server, Base]) -> None:
    server, base = stack
    at = len(base.operations) // 2
    with warm_life(server, base.scenario) as warm, a_place(server) as one, a_place(server) as two:
        alone = strike(server, base, at, one)()
        handed = strike(server, base, at, two, warm)()
    assert _without_lines(handed.verdict) == _without_lines(alone.verdict)
    assert difference(handed.left, alone.left) is None
    assert handed.unknown is alone.unknown is None


def _without_lines(verdict: Verdict) -> Verdict:
    """Whoever is struck with a warm life to follow is not asked for its line."""
    findings = tuple(dataclasses.replace(one, where=None) for one in verdict.findings)
    return dataclasses.replace(verdict, findings=findings)


def test_what_is_judged_once_for_several_is_what_each_would_be_judged_alone(
    base: Base, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[Record] = []

    def counted(record: Record, promises: Any = None) -> Verdict:
        judged.append(record)
        return judge(record, promises)

    monkeypatch.setattr(judging, "judge", counted)
    points = range(6, 20)
    together = list(confirm(server, base, points))
    assert len(judged) < len(points)
    for one in together:
        with a_place(server) as home:
            alone = strike(server, base, one.at, home)()
        assert (one.verdict, one.unknown) == (alone.verdict, alone.unknown)
        assert difference(one.left, alone.left) is None


class _Says:
    """Stands for `strike`: what the warm life says, and what forks say from one point on."""

    def __init__(self, verdict: Verdict, bad: Verdict) -> None:
        self.verdict, self.bad = verdict, bad
        self.bad_from = 1
        self.forked: list[int] = []

    def __call__(
        self, _server: Any, _base: Any, at: int, _home: Any, warm: Any = None, _passes: Any = None
    ) -> Callable[[], Strike]:
        if warm is None:
            self.forked.append(at)
        bad = warm is None and len(self.forked) > self.bad_from
        return lambda: Strike(at, self.bad if bad else self.verdict, Tree(), None)


def test_a_sample_is_struck_in_forks_and_where_they_contradict_all_are(
    base: Base, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = judge(base.record)
    bad = dataclasses.replace(good, outcome="fail")
    says = _Says(good, bad)
    monkeypatch.setattr(real, "strike", says)
    monkeypatch.setattr(real, "SAMPLE_EVERY", 3)
    said = [(one.at, one.verdict.outcome) for one in confirm(server, base, range(6))]
    assert said[:3] == [(0, "pass"), (1, "pass"), (2, "pass")]
    assert said[3:6] == [(0, "fail"), (1, "fail"), (2, "fail")]
    assert said[6:] == [(3, "fail"), (4, "fail"), (5, "fail")]
    assert says.forked == [0, 3, 0, 1, 2, 4, 5]


def test_an_operation_that_never_comes_is_said(base: Base, server: Server) -> None:
    with a_place(server) as home:
        one = strike(server, base, len(base.operations) + 5, home)()
    assert one.unknown == "it never came to that operation"
