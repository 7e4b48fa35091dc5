"""The runner: speaks, waits, kills where it is told, opens again, sends again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lab import runner
from harness.lab.targets import find_target
from harness.record import Header, Record
from harness.scenario.schema import Scenario
from harness.world.process import Server
from tests.conftest import ODD


@pytest.fixture(scope="module")
def naive_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(find_target("naive").order(), tmp_path_factory.mktemp("lives"))
    yield server
    server.close()


BOOKING = {"user": "book", "reply": [{"tool": "book", "input": {"n": 2}}, {"text": "done"}]}


def _scenario(**fields: Any) -> Scenario:
    script = [
        {"user": "hello", "reply": {"text": "hi"}},
        {"wait": "5h"},
        BOOKING,
        {"user": "bye", "reply": {"text": "see you"}},
    ]
    return Scenario.model_validate(
        {"name": "x", "tools": {"book": {"takes": "5s"}}, "script": script, **fields}
    )


def _play(server: Server, home: Path, scenario: Scenario, keep: Path | None = None) -> Record:
    header = Header("hx1-t", scenario.dump(), "x.yaml", "t", 7, "none")
    record = Record(header)
    home.mkdir(exist_ok=True)
    runner.run(scenario, record, server, home, runner.Keep(keep) if keep else None)
    assert not list(record.of("broke")), list(record.of("broke"))
    return record


def _kinds(record: Record, turn: int | None) -> list[str]:
    return [event.kind for event in record.events if event.turn == turn]


ASKED = ["request.sent", "model.answered", "reply.started", "reply.received"]


def test_a_conversation_without_trouble_is_recorded_in_one_order(
    naive_server: Server, tmp_path: Path
) -> None:
    record = _play(naive_server, tmp_path / "home", _scenario())
    assert _kinds(record, 1) == [
        "user.received",
        *ASKED,
        "reply.returned",
        "reply.delivered",
    ]
    assert _kinds(record, 2) == [
        "user.received",
        *ASKED,
        "tool.called",
        "tool.effect",
        "tool.done",
        *ASKED,
        "reply.returned",
        "reply.delivered",
    ]
    assert _kinds(record, None) == [
        "life.started",
        "opened",
        "waited",
        "history",
        "checkpoint",
        "closed",
        "ended",
    ]
    assert record.events[-1].at_ns > 5 * 3600 * 10**9


@pytest.mark.parametrize(
    ("at", "last_before"),
    [
        ("user.received", None),
        ("request.sent", "user.received"),
        ("reply.started", "model.answered"),
        ("reply.received", "reply.started"),
        ("tool.called", "reply.received"),
        ("tool.done", "tool.effect"),
        ("reply.delivered", "reply.returned"),
    ],
)
def test_a_death_falls_just_before_its_boundary_takes_effect(
    naive_server: Server, tmp_path: Path, at: str, last_before: str | None
) -> None:
    scenario = _scenario(faults=[{"crash": {"turn": 2, "at": at}}])
    record = _play(naive_server, tmp_path / "home", scenario)
    kinds = _kinds(record, 2)
    crashed = kinds.index("crashed")
    assert kinds[crashed - 1] == "fault.fired"
    assert (kinds[crashed - 2] if crashed > 1 else None) == last_before
    assert at not in kinds[:crashed]
    assert kinds[crashed + 1 : crashed + 5] == ["life.started", "opened", "history", "checkpoint"]
    assert kinds[crashed + 5] == "user.received"
    (crash,) = record.of("crashed")
    assert crash.data["at"] == at
    assert crash.data["tier"] == "kill"


@pytest.mark.parametrize(
    ("crash", "effects_before"), [("before", 0), ("during", 0), ("after_effect", 1)]
)
def test_a_tool_dies_before_in_or_after_its_effect(
    naive_server: Server, tmp_path: Path, crash: str, effects_before: int
) -> None:
    scenario = _scenario(faults=[{"tool": {"turn": 2, "crash": crash}}])
    record = _play(naive_server, tmp_path / "home", scenario)
    (death,) = record.of("crashed")
    before = [event for event in record.of("tool.effect") if event.n < death.n]
    assert len(before) == effects_before
    assert "naive.py:" in str(death.data["where"])


def test_two_deaths_in_one_turn_are_two_lives_more(naive_server: Server, tmp_path: Path) -> None:
    faults = [{"crash": {"turn": 2, "at": at}} for at in ("request.sent", "reply.received")]
    record = _play(naive_server, tmp_path / "home", _scenario(faults=faults))
    assert [event.data["crash"] for event in record.of("crashed")] == [1, 2]
    assert max(event.life for event in record.events) == 3
    assert next(record.of("ended"))


def test_a_failing_message_is_sent_three_times_a_minute_apart(
    echo_server: Server, tmp_path: Path
) -> None:
    scenario = _scenario(script=[{"user": "raise hell"}, {"user": "fine"}])
    record = _play(echo_server, tmp_path / "home", scenario)
    failed = list(record.of("send.failed"))
    assert [event.at_ns for event in failed] == [0, 60 * 10**9, 120 * 10**9]
    assert _kinds(record, 2)[-1] == "reply.delivered"


def test_a_target_that_dies_by_itself_is_opened_again(echo_server: Server, tmp_path: Path) -> None:
    scenario = _scenario(script=[{"user": "exit 3"}, {"user": "fine"}])
    record = _play(echo_server, tmp_path / "home", scenario)
    assert [event.data["status"] for event in record.of("died")] == [3, 3, 3]
    assert _kinds(record, 2)[-1] == "reply.delivered"


def test_a_target_that_does_not_open_ends_the_run(tmp_path: Path) -> None:
    server = Server(find_target(f"{ODD}:Unwilling").order(), tmp_path)
    record = _play(server, tmp_path / "home", _scenario())
    server.close()
    assert record.events[-1].kind == "open.failed"
    assert record.events[-1].data["error"] == "PermissionError: not today"


def test_sleeping_for_more_than_two_days_in_a_turn_hits_a_bound(
    echo_server: Server, tmp_path: Path
) -> None:
    scenario = _scenario(script=[{"user": "sleep 200000"}])
    record = _play(echo_server, tmp_path / "home", scenario)
    (limit,) = record.of("limit")
    assert limit.data["bound"] == "virtual_time"


def test_the_directory_is_kept_before_and_after_the_crash_and_after_the_resume(
    naive_server: Server, tmp_path: Path
) -> None:
    scenario = _scenario(faults=[{"crash": {"turn": 2, "at": "reply.received"}}])
    keep = tmp_path / "keep"
    keep.mkdir()
    _play(naive_server, tmp_path / "home", scenario, keep)
    assert sorted(path.name for path in keep.iterdir()) == [
        "crash-1-after",
        "turn-2-after-resume",
        "turn-2-before",
    ]
    before, after, resumed = (
        (keep / name / "conversation.jsonl").read_bytes()
        for name in ("turn-2-before", "crash-1-after", "turn-2-after-resume")
    )
    assert len(before) < len(after) < len(resumed)


def test_the_same_case_gives_the_same_events_and_another_seed_others(
    naive_server: Server, tmp_path: Path
) -> None:
    scenario = _scenario(
        script=[{"repeat": 3, "user": {"words": 9}}],
        faults=[{"http": {"turn": 2, "status": 529, "times": 2}}],
    )
    first = _play(naive_server, tmp_path / "one", scenario)
    second = _play(naive_server, tmp_path / "two", scenario)
    assert first.events == second.events
