"""Lives: opened again on what is left, and put on record however they end."""

from __future__ import annotations

from pathlib import Path

from harness.world.process import Server
from tests.conftest import ODD
from tests.lab.playing import kinds_of, play, scenario_of
from tests.servers import a_server


def test_two_deaths_in_one_turn_are_two_lives_more(naive_server: Server, tmp_path: Path) -> None:
    faults = [{"crash": {"turn": 2, "at": at}} for at in ("request.sent", "reply.received")]
    record = play(naive_server, tmp_path / "home", scenario_of(faults=faults))
    assert [event.data["crash"] for event in record.of("crashed")] == [1, 2]
    assert max(event.life for event in record.events) == 3
    assert next(record.of("ended"))


def test_a_target_that_dies_by_itself_is_opened_again(echo_server: Server, tmp_path: Path) -> None:
    scenario = scenario_of(script=[{"user": "exit 3"}, {"user": "fine"}])
    record = play(echo_server, tmp_path / "home", scenario)
    assert [event.data["status"] for event in record.of("died")] == [3, 3, 3]
    assert kinds_of(record, 2)[-1] == "reply.delivered"


def test_a_target_that_dies_as_it_is_closed_is_a_death_like_any_other(tmp_path: Path) -> None:
    server = a_server(f"{ODD}:Abrupt", tmp_path)
    record = play(server, tmp_path / "home", scenario_of())
    server.close()
    (died,) = record.of("died")
    assert (died.data["status"], died.data["during"]) == (4, "close")
    assert record.events[-1].kind == "ended"


def test_a_target_that_does_not_open_ends_the_run(tmp_path: Path) -> None:
    server = a_server(f"{ODD}:Unwilling", tmp_path)
    record = play(server, tmp_path / "home", scenario_of())
    server.close()
    assert record.events[-1].kind == "open.failed"
    assert record.events[-1].data["error"] == "PermissionError: not today"


def test_the_directory_is_kept_before_and_after_the_crash_and_after_the_resume(
    naive_server: Server, tmp_path: Path
) -> None:
    scenario = scenario_of(faults=[{"crash": {"turn": 2, "at": "reply.received"}}])
    keep = tmp_path / "keep"
    keep.mkdir()
    play(naive_server, tmp_path / "home", scenario, keep)
    assert sorted(path.name for path in keep.iterdir()) == [
        "crash-1-after",
        "turn-2-after-resume",
        "turn-2-before",
    ]
    before, after, resumed = (
        (keep / name / "session-1.jsonl").read_bytes()
        for name in ("turn-2-before", "crash-1-after", "turn-2-after-resume")
    )
    assert len(before) < len(after) < len(resumed)


def test_a_write_that_is_torn_leaves_its_beginning_and_the_process_dead(
    naive_server: Server, tmp_path: Path
) -> None:
    fault = {"crash": {"turn": 2, "at": "write *.jsonl", "torn": -1}}
    keep = tmp_path / "keep"
    keep.mkdir()
    record = play(naive_server, tmp_path / "home", scenario_of(faults=[fault]), keep)
    left = (keep / "crash-1-after" / "session-1.jsonl").read_bytes()
    assert left.endswith(b'{"role": "user", "content": "book"}')
    (torn,) = [event for event in record.of("disk") if event.data["error"] == "torn"]
    assert torn.data["size"] == len(b'{"role": "user", "content": "book"}')
    assert [event.data["fault"] for event in record.of("crashed")] == [0]
