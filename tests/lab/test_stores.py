"""Stores as targets, whole: the plain loop around them, judged for what a store promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.lab import play as lab
from harness.report.result import Result, story_of
from harness.scenario.load import Loaded, find, load
from harness.scenario.schema import Scenario
from harness.world.syscalls.rehearsal import available

ROOT = Path(__file__).parents[2]
STORES = ROOT / "tests" / "stacks" / "remembering.py"
WORKS, WHY = available()
recorded = pytest.mark.skipif(not WORKS, reason=WHY)


def _loaded(**fields: Any) -> Loaded:
    script = [
        {"user": "hello", "reply": {"text": "hi"}},
        {"user": "pay bob", "reply": [{"tool": "pay", "input": {"to": "bob"}}, {"text": "paid"}]},
        {"user": "bye", "reply": {"text": "see you"}},
    ]
    data = {"name": "stored", "tools": {"pay": {"takes": "2s"}}, "script": script, **fields}
    return Loaded("some/stored.scenario.yaml", Scenario.model_validate(data))


def _play(name: str, **fields: Any) -> Result:
    return lab.play([_loaded(**fields)], target=f"{STORES}:{name}").results[0]


def _crash(turn: int, at: str) -> dict[str, Any]:
    return {"faults": [{"crash": {"turn": turn, "at": at}}]}


NOT_FOR_STORES = {
    "budget/refusal_loop_is_bounded",
    "disk/empty_checkpoint",
    "disk/mid_log_garbage",
    "disk/one_letter_turned_at_rest",
    "disk/rename_lost",
    "resume/kill_between_log_and_checkpoint",
    "resume/usage_conserved_over_resume",
    "sessions/fence_at_any_alignment",
    "sessions/rotation_killed_at_every_step",
    "sessions/two_users_never_meet",
    "wire/poison_message_is_quarantined",
}
"""Their crashes or numbers are those of a stack: one that writes checkpoints, rotates its log,
fences its users, sets a refused message aside, sends no declined turn again, acknowledges by the
turn. And two findings are true
of this store: a database page that goes bad takes more than one record along, and it keeps one
conversation in a home, whoever asks."""


def test_a_good_store_passes_every_story_that_a_store_can_be_in() -> None:
    stories = [load(path) for path in find([ROOT / "scenarios"])]
    stories = [one for one in stories if story_of(one.path) not in NOT_FOR_STORES]
    for result in lab.play(stories, target=f"{STORES}:Databased").results:
        assert result.outcome == "pass", (result.story, result.verdict)


def test_every_method_of_a_store_may_be_async() -> None:
    result = _play("Waiting", **_crash(2, "tool.done"))
    assert result.outcome == "pass", result.verdict
    assert len(list(result.record.of("message.stored"))) == 8


def test_it_says_that_it_is_a_store_and_what_acknowledges() -> None:
    for name, acknowledges in (("Hardened", "message"), ("ByTheTurn", "turn")):
        record = _play(name).record
        (opened,) = record.of("opened")
        assert (opened.data["store"], opened.data["acknowledges"]) == (True, acknowledges)


def test_only_what_a_store_promises_is_asked_of_it() -> None:
    verdict = _play("Hardened").verdict
    assert {"P2", "P5", "W1", "W2", "W3", "W4", "W5", "W7"} <= set(verdict.not_applicable)
    assert not {"P1", "S1", "S2"} & set(verdict.not_applicable)


def test_each_append_that_returned_stands_in_the_record_in_its_order() -> None:
    record = _play("Databased").record
    kinds = [
        event.kind
        for event in record.events
        if event.turn == 2 and event.kind in ("message.stored", "request.sent", "tool.effect")
    ]
    assert kinds == [
        "message.stored",
        "request.sent",
        "message.stored",
        "tool.effect",
        "message.stored",
        "request.sent",
        "message.stored",
    ]


@pytest.mark.parametrize("at", ["request.sent", "reply.received", "tool.called", "tool.done"])
def test_what_the_plain_loop_does_twice_is_not_held_against_the_store(at: str) -> None:
    result = _play("Databased", **_crash(2, at))
    assert result.outcome == "pass", result.verdict
    assert result.verdict.numbers.crash_points_fired == 1


@recorded
@pytest.mark.parametrize("at", ["user.stored", "reply.stored", "result.stored"])
def test_it_dies_where_a_message_has_just_been_stored(at: str) -> None:
    result = _play("Hardened", **_crash(2, at))
    assert result.outcome == "pass", result.verdict
    assert result.verdict.numbers.crash_points_fired == 1


@pytest.mark.parametrize(
    ("name", "codes"), [("Hardened", set()), ("ByTheTurn", set()), ("Hasty", {"S1"})]
)
def test_by_the_message_means_that_a_kill_loses_none(name: str, codes: set[str]) -> None:
    result = _play(name, **_crash(2, "request.sent"))
    assert {finding.code for finding in result.verdict.findings} == codes


def test_a_message_lost_between_two_others_departs_from_what_happened() -> None:
    result = _play("Forgetful", **_crash(3, "reply.received"))
    assert {finding.code for finding in result.verdict.findings} == {"P1"}


def test_what_opens_on_something_else_is_told_so() -> None:
    (finding,) = _play("Shapeless").verdict.findings
    assert finding.code == "S2"
    assert "open_store() returns a store with append, load and close, got a object" in (
        finding.message
    )


@recorded
@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("Hardened", {}),
        ("Databased", {}),
        ("Unsynced", {"ext4": {"S1"}, "posix": {"S1"}}),
        ("Lax", {"ext4": {"S1"}, "posix": {"S1"}}),
        ("Unmended", {"posix": {"S2"}}),
    ],
)
def test_a_sweep_finds_what_each_store_lacks_and_nothing_else(
    name: str, broken: dict[str, set[str]]
) -> None:
    result = lab.sweep(_loaded(), target=f"{STORES}:{name}", tiers=("kill", "ext4", "posix"))
    found: dict[str, set[str]] = {}
    for finding in result.verdict.findings:
        found.setdefault(finding.tier, set()).add(finding.code)
    assert found == broken
    assert {tier for tier, count in result.states.items() if count.violating} == set(broken)
