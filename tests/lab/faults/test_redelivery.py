"""An old message arrives once more: at a new process, on record, and nobody sees an answer."""

from __future__ import annotations

from pathlib import Path

from harness.world.process import Server
from tests.lab.playing import play, scenario_of
from tests.servers import a_server

AGAIN = {"redelivery": {"turn": 3, "of": 1}}


def test_it_comes_before_its_turn_to_a_process_that_has_heard_nothing_yet(
    naive_server: Server, tmp_path: Path
) -> None:
    record = play(naive_server, tmp_path / "home", scenario_of(faults=[AGAIN]))
    (told,) = record.of("redelivered")
    assert told.data == {"message_id": "m00001", "of": 1}
    kinds = [event.kind for event in record.events if event.life == told.life]
    assert kinds[:4] == ["life.started", "opened", "redelivered", "request.sent"]
    assert [event.data["fault"] for event in record.of("fault.fired")] == [0]
    (over,) = record.of("redelivery.over")
    assert (over.turn, over.data["error"]) == (1, None)
    assert [event.turn for event in record.of("reply.delivered")] == [1, 2, 3]


def test_who_knows_the_message_asks_nothing(tmp_path: Path) -> None:
    (tmp_path / "lives").mkdir()
    server = a_server("lifecycle", tmp_path / "lives")
    try:
        record = play(server, tmp_path / "home", scenario_of(faults=[AGAIN]))
    finally:
        server.close()
    (over,) = record.of("redelivery.over")
    assert over.data == {"answer": "hi", "error": None}
    assert [event.turn for event in record.of("request.sent")] == [1, 2, 2, 3]
