"""Several processes on one session: turned away, waiting, or let in, the same way every time."""

from __future__ import annotations

from pathlib import Path

from harness.lab.targets import find_target
from harness.record import Record
from harness.world.process import Server
from tests.lab.playing import play, scenario_of

LOCKED = Path(__file__).parents[2] / "broken" / "locked.py"
SCRIPT = [{"user": f"Question {n}?", "reply": {"text": f"Answer {n}."}} for n in range(1, 5)]
SCENARIO = scenario_of(script=SCRIPT, faults=[{"writer": {"turn": 2, "sessions": 2}}])


def played(target: str, root: Path, name: str = "home") -> Record:
    root.mkdir(exist_ok=True)
    server = Server(find_target(target).order(), root / "lives")
    record = play(server, root / name, SCENARIO)
    server.close()
    return record


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
