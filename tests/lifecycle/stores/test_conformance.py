"""One suite over every store: what is acknowledged stays, whoever dies, and one writer writes."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.lifecycle import (
    Checkpoint,
    LogVersionError,
    MessageRefused,
    SessionBusy,
    SessionIdError,
)
from harness.lifecycle.storage.durable import seal
from tests.lifecycle.fake_claude import ApiError, FakeClaude, says
from tests.lifecycle.stores.places import Place, contents, fresh_session, opened

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
BLOCKS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), max_size=3)
TURNS = st.lists(
    st.tuples(st.sampled_from(["user", "assistant"]), st.one_of(TEXTS, BLOCKS)), max_size=5
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turns=TURNS)
def test_any_unicode_and_any_blocks_are_read_back_in_order(
    place: Place, turns: list[tuple[str, Any]]
) -> None:
    place = Place(place.kind, place.where, fresh_session())
    held = place.open()
    for role, content in turns:
        held.log.append(role, content)
    held.release()
    held = place.open()
    assert [(turn["role"], turn["content"]) for turn in held.log.read_all()] == turns
    assert held.log.damage == []
    held.release()


def test_records_carry_id_sequence_time_tokens_and_what_was_added(place: Place) -> None:
    times = iter([9, 4, 12])
    held = place.open(lambda: next(times))
    long_id = "m\x00é" * 1000
    appended = [
        held.log.append("user", "a\u2028b\x00c", record_id=long_id, tokens=7, mood={"good": [1]}),
        held.log.append("assistant", [{"type": "text", "text": "hi"}]),
        held.log.append("user", ""),
    ]
    held.release()
    held = place.open()
    records = held.log.read_all()
    assert records == appended
    assert [record.sequence for record in records] == [0, 1, 2]
    assert [record.at_ns for record in records] == [9, 9, 12]
    assert (records[0].id, records[0].tokens, records[0]["mood"]) == (long_id, 7, {"good": [1]})
    held.release()


@pytest.mark.parametrize("bad", ["a\ud800", [{"x": {1}}]])
def test_what_cannot_be_stored_is_refused_with_nothing_written(place: Place, bad: Any) -> None:
    held = place.open()
    held.log.append("user", "one")
    with pytest.raises(MessageRefused, match="nothing was written"):
        held.log.append("user", bad)
    with pytest.raises(MessageRefused, match="role"):
        held.log.append("", "two")
    held.log.append("user", "two")
    assert contents(held) == ["one", "two"]
    held.release()


def test_a_session_goes_on_where_it_was_left_and_sessions_do_not_mix(place: Place) -> None:
    other = Place(place.kind, place.where, fresh_session())
    for number in range(3):
        held, beside = place.open(), other.open()
        held.log.append("user", f"mine {number}")
        beside.log.append("user", f"other {number}")
        held.release()
        beside.release()
    held = place.open()
    assert contents(held) == ["mine 0", "mine 1", "mine 2"]
    held.release()


@pytest.mark.parametrize("session_id", ["../../up", "A'; DROP TABLE sessions --", "{x}:*", "ü/ß"])
def test_hostile_session_ids_are_ids_like_others(place: Place, session_id: str) -> None:
    for text in ("one", "two"):
        held = place.store.open(session_id, now=lambda: 5)
        held.log.append("user", text)
        held.release()
    held = place.store.open(session_id.lower() + "2", now=lambda: 5)
    assert contents(held) == []
    held.release()
    for bad in ("", "a\ud800"):
        with pytest.raises(SessionIdError):
            place.store.open(bad)


def test_the_tail_is_read_from_a_record_on_and_the_head_when_it_is_asked_for(place: Place) -> None:
    held = place.open()
    records = [held.log.append("user", f"turn {n}", record_id=f"m{n}") for n in range(6)]
    held.release()
    held = place.open()
    tail = held.log.settle(tail=(records[4].offset, 4))
    assert [record.content for record in tail] == ["turn 4", "turn 5"]
    assert held.log.head
    assert held.log.head_holds("m3")
    assert not held.log.head_holds("nobody")
    assert [record.content for record in held.log.read_head()] == [f"turn {n}" for n in range(4)]
    held.log.append("user", "turn 6")
    assert contents(held) == [f"turn {n}" for n in range(7)]
    assert len(held.log.settle()) == 7
    assert not held.log.head
    assert not held.log.head_holds("m3")
    held.release()


def test_an_old_record_is_found_with_what_belongs_to_it(place: Place) -> None:
    held = place.open()
    records = []
    for n in range(4):
        records.append(held.log.append("user", f"question {n}", record_id=f"m{n}"))
        held.log.append_soon("assistant", f"answer {n}")
    held.log.append("user", "the end")
    held.release()
    held = place.open()
    held.log.settle(tail=(records[3].offset, records[3].sequence))
    found = held.log.read_from("m1", until=lambda record: record.role == "user")
    assert [record.content for record in found] == ["question 1", "answer 1"]
    assert held.log.read_from("m3", until=lambda record: record.role == "user") == []
    assert held.log.read_from("nobody", until=lambda record: True) == []
    held.release()


@pytest.mark.parametrize("tail", [(9999, 99), (1, 3)])
def test_a_tail_that_is_not_there_is_not_believed(place: Place, tail: tuple[int, int]) -> None:
    held = place.open()
    for n in range(3):
        held.log.append("user", f"turn {n}")
    held.release()
    held = place.open()
    assert [record.content for record in held.log.settle(tail=tail)] == [
        "turn 0",
        "turn 1",
        "turn 2",
    ]
    assert not held.log.head
    held.release()


def test_damage_is_named_by_its_line_and_costs_nothing_else(place: Place) -> None:
    held = place.open()
    records = [held.log.append("user", f"turn {n}") for n in range(5)]
    held.release()
    place.spoil(1, seal(records[1].as_json(1)).replace(b"turn 1", b"turn X"))
    held = place.open()
    assert contents(held) == ["turn 0", "turn 2", "turn 3", "turn 4"]
    assert [(each.line, each.torn) for each in held.log.verify()] == [(2, False)]
    held.log.append("user", "turn 5")
    assert [record.sequence for record in held.log.read_all()] == [0, 2, 3, 4, 5]
    assert len(held.log.settle(tail=(records[4].offset, 4))) == 2
    held.release()


def test_damage_in_what_opening_left_unread_is_told_when_that_is_read(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    held = place.open()
    records = [held.log.append("user", f"turn {n}") for n in range(5)]
    held.release()
    place.spoil(1, seal(records[1].as_json(1)).replace(b"turn 1", b"turn X"))
    held = place.open()
    with caplog.at_level(logging.WARNING, "harness.lifecycle"):
        assert len(held.log.settle(tail=(records[4].offset, 4))) == 1
        assert caplog.records == []
        assert [each.content for each in held.log.read_head()] == ["turn 0", "turn 2", "turn 3"]
    assert "line 2" in caplog.text
    assert [each.line for each in held.log.damage] == [2]
    held.release()


def test_a_record_that_is_gone_is_damage(place: Place) -> None:
    held = place.open()
    for n in range(4):
        held.log.append("user", f"turn {n}")
    held.release()
    place.spoil(1, None)
    held = place.open()
    assert contents(held) == ["turn 0", "turn 2", "turn 3"]
    (damage,) = held.log.verify()
    assert "records are missing" in damage.reason
    held.release()


def test_a_log_from_a_newer_release_is_left_alone(place: Place) -> None:
    held = place.open()
    newer = held.log.append("user", "one").as_json(2)
    held.release()
    place.spoil(0, seal(newer))
    held = place.open()
    with pytest.raises(LogVersionError, match="version 2"):
        held.log.read_all()
    with pytest.raises(LogVersionError):
        held.log.append("user", "two")
    held.release()


def test_the_newest_checkpoint_is_loaded_and_never_beyond_the_log(place: Place) -> None:
    first = Checkpoint(3, {"a": {"calls": 1}}, "three ü\x00", position=10)
    second = Checkpoint(6, {"a": {"calls": 2}}, "six", position=20)
    held = place.open()
    assert held.checkpoints.load() is None
    held.checkpoints.save(first)
    assert held.checkpoints.load() == first
    held.checkpoints.save(second)
    held.release()
    held = place.open()
    assert held.checkpoints.load() == second
    assert held.checkpoints.damage == []
    assert held.checkpoints.load(log_length=19) == first
    assert len(held.checkpoints.damage) == 1
    assert held.checkpoints.load(log_length=9) is None
    held.release()


def test_a_second_writer_is_refused_and_gets_in_afterwards(place: Place) -> None:
    first = place.open()
    for _ in range(2):
        with pytest.raises(SessionBusy, match="another writer"):
            place.open()
    first.log.append("user", "one")
    first.release()
    second = place.open()
    second.log.append("user", "two")
    assert contents(second) == ["one", "two"]
    second.release()


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "valkey"])
def test_a_row_that_was_written_and_never_acknowledged_gives_way_to_the_next(
    request: pytest.FixtureRequest, kind: str
) -> None:
    place: Place = request.getfixturevalue(kind)
    held = place.open()
    held.log.append("user", "one")
    held.log.append("user", "not acknowledged")
    held.log._next = 1  # type: ignore[attr-defined]
    assert contents(held) == ["one"]
    held.log.append("user", "two")
    held.release()
    held = place.open()
    assert contents(held) == ["one", "two"]
    assert held.log.verify() == []
    held.release()


def test_a_conversation_lives_in_any_store(place: Place) -> None:
    client = FakeClaude(lambda r: says(f"answer {len(r['messages']) // 2}"))
    for n in range(7):
        with opened(place, client) as conversation:
            assert conversation.send(f"m{n}", f"turn {n}") == f"answer {n}"
            assert conversation.send(f"m{n}", f"turn {n}") == f"answer {n}"
    with opened(place, client) as conversation:
        checkpoint = conversation.checkpoint()
        assert checkpoint is not None
        assert checkpoint.turn_number == 6
        assert conversation.send("m0", "turn 0") == "answer 0"
        assert len(conversation.history()) == 14
    assert len(client.requests) == 7


def test_a_message_sent_again_after_a_crash_is_the_same_message(place: Place) -> None:
    client = FakeClaude([ApiError(529, "Overloaded"), says("Paid.")])
    with opened(place, client) as conversation, pytest.raises(ApiError):
        conversation.send("m1", "Pay bob")
    with opened(place, client) as conversation:
        assert conversation.send("m1", "Pay bob") == "Paid."
        assert [said.content for said in conversation.history()] == ["Pay bob", "Paid."]
