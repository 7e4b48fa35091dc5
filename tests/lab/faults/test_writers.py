"""Several processes on one session: turned away, waiting, or let in, the same way every time."""

from __future__ import annotations

from pathlib import Path

from harness.checks.judge import judge
from harness.lab.pool import POOL
from harness.lab.targets import find_target
from harness.record import Record
from harness.scenario.schema import Scenario
from tests.lab.playing import play, scenario_of

STORES = Path(__file__).with_name("stores.py")
LOCKED = Path(__file__).parents[2] / "broken" / "locked.py"
SCRIPT = [{"user": f"Question {n}?", "reply": {"text": f"Answer {n}."}} for n in range(1, 5)]
SCENARIO = scenario_of(script=SCRIPT, faults=[{"writer": {"turn": 2, "sessions": 2}}])
FINELY = {"writer": {"turn": 2, "sessions": 2, "switch": "operation"}}
SWITCHING = scenario_of(script=SCRIPT, faults=[FINELY])


def played(target: str, root: Path, scenario: Scenario = SCENARIO) -> Record:
    root.mkdir(exist_ok=True)
    with POOL.server(find_target(target), lambda: False) as server:
        return play(server, root / "home", scenario)


def seen(record: Record) -> list[tuple[str, int | None]]:
    kinds = ("user.received", "request.sent", "reply.delivered", "writer.refused")
    start = next(record.of("writers")).n
    end = next(record.of("writers.over")).n
    return [(e.kind, e.turn) for e in record.events[start:end] if e.kind in kinds]


def test_two_that_are_let_in_take_turns_at_every_crossing(tmp_path: Path) -> None:
    record = played("naive", tmp_path)
    assert seen(record) == [
        ("user.received", 2),
        ("user.received", 3),
        ("request.sent", 2),
        ("request.sent", 3),
        ("reply.delivered", 2),
        ("reply.delivered", 3),
    ]
    assert [event.data["fault"] for event in record.of("fault.fired")] == [0]
    numbers = [event.data["request"] for event in record.of("request.sent")]
    assert numbers == list(range(len(numbers)))


def test_one_that_is_turned_away_is_heard_when_the_other_is_done(tmp_path: Path) -> None:
    record = played(f"{LOCKED}:Locked", tmp_path)
    assert seen(record)[:2] == [("user.received", 2), ("writer.refused", 3)]
    (refused,) = record.of("writer.refused")
    assert refused.data["during"] == "open"
    delivered = [event.turn for event in record.of("reply.delivered")]
    assert delivered == [1, 2, 3, 4]
    assert not list(record.of("open.failed"))


def test_one_that_waits_is_let_in_when_the_first_one_leaves(tmp_path: Path) -> None:
    record = played(f"{LOCKED}:Queued", tmp_path)
    assert not list(record.of("writer.refused"))
    delivered = [(event.turn, event.life) for event in record.of("reply.delivered")]
    assert delivered == [(1, 1), (2, 1), (3, 2), (4, 3)]


def test_a_new_process_is_opened_on_what_they_left(tmp_path: Path) -> None:
    record = played("naive", tmp_path)
    over = next(record.of("writers.over"))
    after = [event.kind for event in record.events[over.n :]]
    assert after[1:4] == ["life.started", "opened", "history"]
    lives = {event.life for event in record.events}
    assert lives == {1, 2, 3}


def test_the_same_case_gives_the_same_events(tmp_path: Path) -> None:
    first, second = (played("naive", tmp_path / name) for name in ("one", "two"))
    assert first.events == second.events


def found(record: Record) -> set[str]:
    return {finding.code for finding in judge(record).findings}


def test_what_was_read_is_old_when_it_is_written_where_they_switch_at_operations(
    tmp_path: Path,
) -> None:
    target = f"{STORES}:Rewriting"
    assert found(played(target, tmp_path / "crossings")) == set()
    record = played(target, tmp_path / "operations", SWITCHING)
    assert found(record) == {"S5"}
    (fired,) = record.of("fault.fired")
    assert fired.data["what"] == "2 processes on one session"


def test_a_database_that_waits_for_the_others_lock_gets_it_at_a_later_turn(tmp_path: Path) -> None:
    record = played(f"{STORES}:Inserting", tmp_path, SWITCHING)
    assert found(record) == set()
    assert not list(record.of("writer.refused"))
    delivered = sorted(event.turn or 0 for event in record.of("reply.delivered"))
    assert delivered == [1, 2, 3, 4]


def test_switching_at_operations_is_the_same_every_time(tmp_path: Path) -> None:
    target = f"{STORES}:Inserting"
    first, second = (played(target, tmp_path / name, SWITCHING) for name in ("one", "two"))
    assert first.events == second.events


def test_the_process_that_was_open_makes_way_for_one_that_can_be_held_up(tmp_path: Path) -> None:
    record = played("naive", tmp_path, SWITCHING)
    assert sorted({event.life for event in record.events}) == [1, 2, 3, 4]
    start, end = next(record.of("writers")).n, next(record.of("writers.over")).n
    opened = [event.life for event in record.events[start:end] if event.kind == "opened"]
    assert sorted(opened) == [2, 3]
