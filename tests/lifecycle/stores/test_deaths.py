"""Death in every store: of the writer and of the server, between steps and at any moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from harness.lifecycle import Checkpoint, Held, SessionBusy
from tests.lifecycle.fake_claude import FakeClaude, says
from tests.lifecycle.stores.places import Place, contents, fresh_session, opened
from tests.lifecycle.stores.writing import Writer

_PATIENCE_S = 20.0


def taken_over(place: Place) -> Held:
    """The session, once the store has noticed that its writer is dead."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return place.open()
        except SessionBusy:
            assert time.monotonic() < deadline, "a dead writer's session is never free"
            time.sleep(0.01)


def check_resumes(place: Place, records: int, checkpoints: int) -> int:
    """Everything acknowledged is there, at most one step more, in order; how many records."""
    held = taken_over(place)
    found = held.log.settle()
    assert [record.content for record in found] == [f"record {n}" for n in range(len(found))]
    assert records <= len(found) <= records + 1
    assert held.log.verify() == []
    saved = held.checkpoints.load(log_length=len(found))
    assert held.checkpoints.damage == []
    assert checkpoints <= (0 if saved is None else saved.turn_number) <= checkpoints + 1
    assert saved is None or saved.position <= len(found)
    held.log.append("user", f"record {len(found)}")
    held.release()
    return len(found) + 1


def test_a_writer_killed_between_any_two_steps_has_lost_nothing(place: Place) -> None:
    for steps in range(5):
        session = Place(place.kind, place.where, fresh_session())
        with session.writer() as process:
            assert process.hear() == "open 0"
            for _ in range(steps):
                process.step()
            with pytest.raises(SessionBusy):
                session.open()
            process.kill()
            records = process.acknowledged("record")
            assert records == steps - steps // 3
        check_resumes(session, records, process.acknowledged("checkpoint"))


def test_a_writer_killed_at_any_moment_has_lost_nothing_acknowledged(place: Place) -> None:
    chance = random.Random(4)
    records = 0
    for _ in range(4):
        with place.writer(free=True) as process:
            assert process.hear() == f"open {records}"
            for _ in range(chance.randrange(1, 40)):
                process.hear()
            process.kill()
        records = check_resumes_after(place, process, records)
    assert records > 2


def check_resumes_after(place: Place, process: Writer, before: int) -> int:
    held = taken_over(place)
    found = [record.content for record in held.log.settle()]
    held.release()
    most = before + process.acknowledged("record")
    assert found == [f"record {n}" for n in range(len(found))]
    assert most <= len(found) <= most + 1
    return len(found)


@pytest.mark.parametrize("rounds", [2, pytest.param(25, marks=pytest.mark.slow)])
def test_a_conversation_whose_process_is_killed_at_any_moment_goes_on(
    place: Place, rounds: int
) -> None:
    assert killed_and_gone_on(place, rounds, lambda process: process.kill()) > 3 * rounds


@pytest.mark.parametrize("rounds", [2, pytest.param(25, marks=pytest.mark.slow)])
def test_a_conversation_whose_server_is_killed_at_any_moment_goes_on(
    served: Place, rounds: int
) -> None:
    server = served.server
    assert server is not None

    def harm(process: Writer) -> None:
        server.kill()
        try:
            process.kill()
        finally:
            server.start()

    assert killed_and_gone_on(served, rounds, harm) > 3 * rounds


def killed_and_gone_on(place: Place, rounds: int, harm: Callable[[Writer], None]) -> int:
    """All turns acknowledged are there, once, and the next one is answered; how many there are."""
    chance, turns = random.Random(6), 0
    for _ in range(rounds):
        with place.talker() as process:
            assert process.hear() == f"open {turns}"
            for _ in range(chance.randrange(1, 12)):
                process.hear()
            # Into the next turn, somewhere: it goes on meanwhile.
            sum(range(chance.randrange(300_000)))
            harm(process)
        acknowledged = turns + process.acknowledged("turn")
        taken_over(place).release()
        client = FakeClaude(lambda request: says("Answered."))
        with opened(place, client) as conversation:
            turns = acknowledged + 1
            assert conversation.send(f"m{turns}", f"question {turns}") == "Answered."
            told = [(said.role, said.content) for said in conversation.history()]
        assert len(client.requests) <= 1
        questions = [content for role, content in told if role == "user"]
        assert [role for role, _ in told] == ["user", "assistant"] * turns
        assert all(f"question {n}" in str(said) for n, said in enumerate(questions, 1))
    return turns


def test_another_process_is_refused_while_this_one_writes(place: Place) -> None:
    held = place.open()
    with place.writer() as process:
        assert process.hear() == "busy"
    held.log.append("user", "one")
    held.release()
    with place.writer() as process:
        assert process.hear() == "open 1"


def test_what_was_acknowledged_outlives_the_server(served: Place) -> None:
    assert served.server is not None
    held = served.open()
    for n in range(5):
        held.log.append("user", f"record {n}")
        if n == 2:
            held.checkpoints.save(Checkpoint(1, position=3))
    served.server.kill()
    try:
        for _ in range(2):
            with pytest.raises(OSError, match="nothing was acknowledged"):
                held.log.append("user", "lost")
        with pytest.raises(OSError, match="nothing was acknowledged"):
            held.checkpoints.save(Checkpoint(9, position=9))
    finally:
        served.server.start()
    held.log.append("user", "record 5")
    assert contents(held) == [f"record {n}" for n in range(6)]
    with pytest.raises(SessionBusy):
        served.open()
    held.release()
    assert check_resumes(served, 6, 1) == 7


def test_a_server_killed_at_any_moment_has_lost_nothing_acknowledged(served: Place) -> None:
    assert served.server is not None
    chance = random.Random(5)
    records = 0
    for _ in range(3):
        with served.writer(free=True) as process:
            process.hear()
            for _ in range(chance.randrange(5, 60)):
                process.hear()
            served.server.kill()
            try:
                process.kill()
            finally:
                served.server.start()
        records = check_resumes_after(served, process, records)
    assert records > 5


def test_a_server_that_was_restarted_meanwhile_is_not_noticed(served: Place) -> None:
    assert served.server is not None
    held = served.open()
    held.log.append("user", "one")
    for what in (lambda: held.log.append("user", "two"), lambda: contents(held)):
        served.server.kill()
        served.server.start()
        what()
    with pytest.raises(SessionBusy):
        served.open()
    assert contents(held) == ["one", "two"]
    held.release()


def test_two_writers_that_both_lost_the_server_do_not_interleave(served: Place) -> None:
    assert served.server is not None
    first = served.open()
    first.log.append("user", "one")
    served.server.kill()
    served.server.start()
    second = taken_over(served)
    second.log.append("user", "two")
    for _ in range(2):
        with pytest.raises(SessionBusy, match="another writer"):
            first.log.append("user", "mine")
    with pytest.raises(SessionBusy):
        first.checkpoints.save(Checkpoint(1))
    assert contents(second) == ["one", "two"]
    first.release()
    second.log.append("user", "three")
    with pytest.raises(SessionBusy):
        served.open()
    second.release()


def test_a_server_that_dies_while_the_model_thinks_costs_no_second_answer(served: Place) -> None:
    assert served.server is not None
    server = served.server

    def dies(request: dict[str, Any]) -> Any:
        if len(client.requests) == 1:
            server.kill()
        return says("Only once.")

    client = FakeClaude(dies)
    with opened(served, client) as conversation:
        with pytest.raises(OSError, match="nothing was acknowledged"):
            conversation.send("m1", "Well?")
        server.start()
        assert conversation.send("m1", "Well?") == "Only once."
    with opened(served, client) as conversation:
        assert conversation.send("m1", "Well?") == "Only once."
    assert len(client.requests) == 1
