"""The sweep: naive stacks are caught at the disk's level, the reference is not, tokens replay."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from harness.case import BASELINE, parse
from harness.checks.judge import judge
from harness.lab import play as lab
from harness.lab.crashes import sweep as sweeping
from harness.lab.crashes.again import recover
from harness.lab.crashes.base import Base
from harness.lab.crashes.judging import Bench, Judged, a_place, crash_into
from harness.lab.crashes.sweep import Diverged, must_lead_to
from harness.lab.pool import POOL
from harness.lab.targets import find_target
from harness.record import Record
from harness.report.result import Result
from harness.report.screen import plain, swept
from harness.world.disk.choices import TIERS, Tier
from harness.world.disk.place import STRETCHES, place_of
from harness.world.disk.states import State, states
from harness.world.process import Server
from harness.world.syscalls.rehearsal import available
from tests.lab.crashes.conftest import recorded, story

_loaded = story
FORGETS = str(Path(__file__).parents[2] / "broken" / "p6_forgets_on_its_way_up.py:Broken")
HONEST = str(Path(__file__).parents[2] / "broken" / "honest.py:Honest")
MAPPED = str(Path(__file__).parents[2] / "stacks" / "mapped.py:Mapped")
CRASH = {"crash": {"turn": 2, "at": "reply.received"}}
WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)


@pytest.fixture(scope="module")
def naive() -> Result:
    return lab.sweep(_loaded(), target="naive", tiers=("kill", "ext4"))


def test_the_naive_stack_loses_pays_twice_and_cannot_be_read(naive: Result) -> None:
    assert naive.outcome == "fail"
    codes = {(finding.code, finding.tier) for finding in naive.verdict.findings}
    assert {("P2", "kill"), ("P4", "kill"), ("S1", "ext4")} <= codes
    assert naive.states["kill"].violating > 0
    assert naive.states["ext4"].violating > naive.states["kill"].violating


def test_every_crash_point_has_fired_where_every_state_was_judged(naive: Result) -> None:
    numbers = naive.verdict.numbers
    assert numbers.crash_points_fired == numbers.crash_points_planned > 3
    for count in naive.states.values():
        assert count.judged == count.distinct


def test_the_reference_stack_survives_every_tier() -> None:
    result = lab.sweep(_loaded(), tiers=("kill", "ext4", "posix"), jobs=2)
    assert result.outcome == "pass", result.verdict
    assert {tier: count.violating for tier, count in result.states.items()} == {
        "kill": 0,
        "ext4": 0,
        "posix": 0,
    }


def test_each_finding_replays_from_its_token_alone(naive: Result, tmp_path: Path) -> None:
    finding = next(f for f in naive.verdict.findings if (f.code, f.tier) == ("S1", "ext4"))
    again = lab.replay(finding.token, [_loaded()], keep=tmp_path / "keep")
    assert finding in again.verdict.findings
    assert (tmp_path / "keep" / "after-crash").is_dir()
    assert (tmp_path / "keep" / "after-resume").is_dir()
    crashed = next(again.record.of("crashed"))
    assert crashed.data["tier"] == "ext4"
    assert "a crash before operation" in str(crashed.data["state"])


def test_on_changed_code_a_token_says_that_the_trace_diverged(naive: Result) -> None:
    found = (parse(finding.token) for finding in naive.verdict.findings)
    case = next(case for case in found if case.choice != BASELINE)
    place, _, sums = case.choice.rpartition(".")
    other = dataclasses.replace(case, choice=f"{place}.{sums[::-1]}")
    with pytest.raises(LookupError, match=r"the trace diverged at operation \d+"):
        lab.replay(other.token, [_loaded()])


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (STRETCHES - 1, "at operation 1: what"),
        (2 * STRETCHES - 1, "at operation 2 or 3: what"),
        (3 * STRETCHES - 1, "at operation 3, at the latest at 5: what"),
    ],
)
def test_where_a_trace_diverged_is_told_as_exactly_as_the_token_can(
    base: Base, at: int, told: str
) -> None:
    sums = place_of(base.operations, at).sums
    other = "0" if sums[1] != "0" else "1"
    with pytest.raises(Diverged, match=f"the trace diverged {told}") as raised:
        must_lead_to(base, f"{at}.{sums[0]}{other}{sums[2:-1]}{'1' if sums[-1] == '0' else '0'}")
    assert f"does not lead to the crash before operation {at} that the token" in str(raised.value)


def test_a_recovery_that_goes_another_way_each_time_blames_nobody_and_loses_no_finding(
    naive: Result, base: Base, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parted(*_: object) -> None:
        raise Diverged("another way")

    monkeypatch.setattr(sweeping, "find_state", parted)
    finding = next(one for one in naive.verdict.findings if parse(one.token).choice != BASELINE)
    assert sweeping.explain(base, finding, server) == finding


def test_a_bound_on_states_is_kept_and_said() -> None:
    result = lab.sweep(_loaded(), target="naive", states_max=4)
    count = result.states["kill"]
    assert count.judged <= 4 < count.distinct
    numbers = result.verdict.numbers
    assert numbers.crash_points_fired < numbers.crash_points_planned


@pytest.mark.parametrize("target", ["lifecycle", "naive"])
def test_what_an_earlier_tier_left_and_passed_is_not_played_again_and_the_verdicts_are_the_same(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[State] = []

    class Watched(Bench):
        def judge_all(self, chosen: Sequence[State]) -> Iterator[Judged]:
            played.extend(chosen)
            return super().judge_all(chosen)

    monkeypatch.setattr(sweeping, "Bench", Watched)
    together = lab.sweep(_loaded(), target=target, tiers=("posix", "ext4", "kill"))
    tiers = [left.tier for left in played]
    assert tiers == sorted(tiers, key=TIERS.index)
    count = together.states["posix"]
    saved = count.judged - tiers.count("posix")
    # Of the naive stack no state passes that a power cut leaves: each is played for its own token.
    assert 0 <= saved <= count.judged - count.violating
    assert saved > 0 or target == "naive"
    apart = {tier: lab.sweep(_loaded(), target=target, tiers=(tier,)) for tier in TIERS}
    assert together.states == {tier: apart[tier].states[tier] for tier in TIERS}
    found = {finding for each in apart.values() for finding in each.verdict.findings}
    assert {*together.verdict.findings} <= found
    assert {(each.code, each.tier) for each in together.verdict.findings} == {
        (each.code, each.tier) for each in found
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_tier_of_which_everything_has_passed_already_is_whole(jobs: int) -> None:
    tiers: tuple[Tier, ...] = ("kill", "ext4", "ext4")
    result = lab.sweep(_loaded(), tiers=tiers, jobs=jobs)
    assert result.outcome == "pass", result.verdict
    count = result.states["ext4"]
    assert count.judged == count.distinct > 0
    numbers = result.verdict.numbers
    assert numbers.crash_points_fired == numbers.crash_points_planned


@pytest.mark.parametrize("target", ["lifecycle", "naive", HONEST])
def test_no_check_allows_less_after_a_power_cut_than_after_a_kill(target: str) -> None:
    passed = 0
    with POOL.server(find_target(target), lambda: False) as server:
        base = recorded(server, target)
        for left in states(base.operations, "kill"):
            with a_place(server) as home:
                record = crash_into(base, left, server, home)
            if judge(record).outcome == "pass":
                passed += 1
                for tier in ("ext4", "posix"):
                    assert judge(_as_if(record, tier)).outcome == "pass"
    assert passed > 0


def _as_if(record: Record, tier: str) -> Record:
    """The record, had the crash been of another tier."""
    events = [
        dataclasses.replace(event, data={**event.data, "tier": tier})
        if event.kind == "crashed"
        else event
        for event in record.events
    ]
    return Record(record.header, events)


def test_a_bound_on_what_is_tried_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "states", partial(states, candidates_max=9))
    result = lab.sweep(_loaded(), target="naive", tiers=("ext4",), states_max=1)
    count = result.states["ext4"]
    assert 0 < count.tried <= 10 < count.legal
    said = f"found in an even sample of {count.tried} of {count.legal:,} ways to crash"
    assert said in plain([*swept(result)])
    numbers = result.verdict.numbers
    assert numbers.crash_points_fired < numbers.crash_points_planned


def test_a_second_crash_is_swept_too_and_its_token_replays() -> None:
    result = lab.sweep(
        _loaded(script=story().scenario.script[:1]),
        target=FORGETS,
        tiers=("kill",),
        depth=2,
        jobs=2,
    )
    (finding,) = result.verdict.findings
    assert (finding.code, finding.tier) == ("P6", "kill")
    count = result.recoveries["kill"]
    assert (count.recorded, count.of) == (result.states["kill"].distinct,) * 2
    assert 0 < count.violating < count.judged <= count.distinct
    again = lab.replay(finding.token, [_loaded(script=story().scenario.script[:1])], target=FORGETS)
    assert finding in again.verdict.findings


def test_a_scenario_with_a_sweep_is_swept_when_it_is_run() -> None:
    loaded = _loaded(sweep={"disk": ["kill", "ext4"]}, faults=[CRASH])
    (result,) = lab.play([loaded], target="naive").results
    assert result.outcome == "fail"
    assert set(result.states) == {"kill", "ext4"}
    numbers = result.verdict.numbers
    assert numbers.crash_points_planned == numbers.crash_points_fired > 4
    assert any(event.data["fault"] == 0 for event in result.record.of("crashed"))
    assert {parse(finding.token).choice[0] for finding in result.verdict.findings} >= {"k", "e"}


def test_other_processes_in_the_home_are_left_out_of_a_sweep() -> None:
    beside = [{"writer": {"turn": 2}}, {"neighbour": {"turn": 3, "session": "ann", "says": "hey"}}]
    result = lab.sweep(_loaded(faults=beside), tiers=("kill",), states_max=4)
    assert (result.outcome, result.verdict.reasons) == ("pass", ())


def test_what_was_written_unseen_is_judged_in_no_state_that_was_worked_out() -> None:
    result = lab.sweep(_loaded(), target=MAPPED, tiers=TIERS, depth=2, real=3)
    assert (result.outcome, result.verdict.findings) == ("invalid", ())
    assert "mapped writable" in result.verdict.reasons[0]
    assert set(result.states) == {"real"}
    assert result.verdict.numbers.crash_points_fired == 0


def test_nor_is_a_second_crash_judged_where_the_recovery_writes_unseen() -> None:
    remapped = MAPPED.replace("Mapped", "Remapped")
    with POOL.server(find_target(remapped), lambda: False) as server:
        base = recorded(server, remapped)
        *_, last = states(base.operations, "kill")
        (recovered,) = recover(server, base, [last])
    assert (recovered.distinct, recovered.judged) == (0, 0)
    (verdict,) = recovered.verdicts
    assert (verdict.outcome, verdict.findings) == ("invalid", ())
    assert "mapped writable" in verdict.reasons[0]
