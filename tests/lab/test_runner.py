"""The runner: speaks, waits, kills where it is told, opens again, sends again."""

from __future__ import annotations

import select
from pathlib import Path

import pytest

from harness.world.process import Life, Server
from tests.lab.playing import kinds_of, play, scenario_of

ASKED = ["request.sent", "model.answered", "reply.started", "reply.received"]


def test_a_conversation_without_trouble_is_recorded_in_one_order(
    naive_server: Server, tmp_path: Path
) -> None:
    record = play(naive_server, tmp_path / "home", scenario_of())
    assert kinds_of(record, 1) == [
        "user.received",
        *ASKED,
        "reply.returned",
        "reply.delivered",
    ]
    assert kinds_of(record, 2) == [
        "user.received",
        *ASKED,
        "tool.called",
        "tool.effect",
        "tool.done",
        *ASKED,
        "reply.returned",
        "reply.delivered",
    ]
    assert kinds_of(record, None) == [
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
    scenario = scenario_of(faults=[{"crash": {"turn": 2, "at": at}}])
    record = play(naive_server, tmp_path / "home", scenario)
    kinds = kinds_of(record, 2)
    crashed = kinds.index("crashed")
    assert kinds[crashed - 1] == "fault.fired"
    assert (kinds[crashed - 2] if crashed > 1 else None) == last_before
    assert at not in kinds[:crashed]
    after = ["forked", "life.started", "opened", "history", "checkpoint", "user.received"]
    assert kinds[crashed + 1 : crashed + 7] == after
    (crash,) = record.of("crashed")
    assert crash.data["at"] == at
    assert crash.data["tier"] == "kill"


@pytest.mark.parametrize(
    ("crash", "effects_before"), [("before", 0), ("during", 0), ("after_effect", 1)]
)
def test_a_tool_dies_before_in_or_after_its_effect(
    naive_server: Server, tmp_path: Path, crash: str, effects_before: int
) -> None:
    scenario = scenario_of(faults=[{"tool": {"turn": 2, "crash": crash}}])
    record = play(naive_server, tmp_path / "home", scenario)
    (death,) = record.of("crashed")
    before = [event for event in record.of("tool.effect") if event.n < death.n]
    assert len(before) == effects_before
    assert "naive.py:" in str(death.data["where"])


def test_the_same_case_gives_the_same_events_and_another_seed_others(
    naive_server: Server, tmp_path: Path
) -> None:
    scenario = scenario_of(
        script=[{"repeat": 3, "user": {"words": 9}}],
        faults=[{"http": {"turn": 2, "status": 529, "times": 2}}],
    )
    first = play(naive_server, tmp_path / "one", scenario)
    second = play(naive_server, tmp_path / "two", scenario)
    assert first.events == second.events


def test_a_wrong_clock_is_seen_by_the_target_and_by_nobody_else(
    echo_server: Server, tmp_path: Path
) -> None:
    script = [{"user": f"clock {n}"} for n in (1, 2, 3)]
    faults = [
        {"clock": {"turn": 2, "jump": "-2h"}},
        {"clock": {"turn": 3, "jump": "+30m"}},
    ]
    record = play(echo_server, tmp_path / "home", scenario_of(script=script, faults=faults))
    walls = [float(str(event.data["text"]).split()[0]) for event in record.of("reply.returned")]
    steady = [float(str(event.data["text"]).split()[1]) for event in record.of("reply.returned")]
    assert [round(wall - walls[0]) for wall in walls] == [0, -7200, -5400]
    assert steady == sorted(steady)
    assert [event.at_ns for event in record.of("clock.set")] == [0, 0]
    assert [event.data["fault"] for event in record.of("fault.fired")] == [0, 1]


def test_what_a_life_told_on_its_way_comes_before_what_it_returned(
    naive_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runner is held up after each look at the door until the command is done."""
    drain = Life._drain

    def slowly(life: Life) -> None:
        drain(life)
        select.select([life._commands], [], [], 0.5)

    monkeypatch.setattr(Life, "_drain", slowly)
    scenario = scenario_of(tools={}, script=[{"user": "hello", "reply": {"text": "hi"}}])
    record = play(naive_server, tmp_path / "home", scenario)
    assert kinds_of(record, 1)[-4:] == [
        "reply.started",
        "reply.received",
        "reply.returned",
        "reply.delivered",
    ]
