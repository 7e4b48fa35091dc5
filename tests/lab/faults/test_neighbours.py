"""A neighbour speaks in the same home: its words are on record, its costs and deaths are not."""

from __future__ import annotations

from pathlib import Path

from harness.world.process import Server
from tests.lab.playing import play, scenario_of

NEIGHBOUR = {"turn": 2, "session": "other", "says": "It is only me."}


def test_what_a_neighbour_remembers_is_told_and_what_it_asks_is_not_ours(
    naive_server: Server, tmp_path: Path
) -> None:
    record = play(naive_server, tmp_path / "home", scenario_of(faults=[{"neighbour": NEIGHBOUR}]))
    (told,) = record.of("neighbour")
    assert (told.turn, told.data["session"], told.data["error"]) == (2, "other", None)
    messages = told.data["messages"]
    assert isinstance(messages, list)
    assert [message["role"] for message in messages] == ["user", "assistant"]
    assert [event.data["fault"] for event in record.of("fault.fired")] == [0]
    assert len(list(record.of("request.sent"))) == 4
    assert (tmp_path / "home" / "other.jsonl").exists()


def test_one_that_cannot_be_served_says_why(naive_server: Server, tmp_path: Path) -> None:
    fault = {"neighbour": {**NEIGHBOUR, "session": "no/such/folder"}}
    record = play(naive_server, tmp_path / "home", scenario_of(faults=[fault]))
    (told,) = record.of("neighbour")
    assert str(told.data["error"]).startswith("FileNotFoundError")
    assert next(record.of("ended"))
