"""The base: the world as it was at each operation, and a case that begins there."""

from __future__ import annotations

from harness.case import parse
from harness.lab.crashes.base import Base, begin, without_deaths
from harness.world.disk.states import states
from tests.lab.crashes.conftest import story


def test_the_world_at_an_operation_is_what_was_seen_before_it(base: Base) -> None:
    for at in range(len(base.operations)):
        moment = base.moment(at)
        disk = [event for event in moment.events if event.kind == "disk"]
        assert len(disk) == at
        assert len(moment.effects) == sum(e.kind == "tool.effect" for e in moment.events)
        answered = sum(event.kind == "model.answered" for event in moment.events)
        assert len(moment.model.ledger) == answered


def test_at_the_end_everything_has_been_seen_but_the_last_question(base: Base) -> None:
    moment = base.moment(len(base.operations))
    assert (moment.turn, moment.in_flight, moment.operation) == (3, False, "the end")
    assert not any(event.kind == "history" for event in moment.events)


def test_a_case_names_its_state_and_begins_with_a_model_of_its_own(base: Base) -> None:
    left = states(base.operations, "ext4").distinct[-1]
    record, midway = begin(base, left)
    assert parse(record.header.token).choice.startswith(f"e{left.number}.{left.at}.")
    assert len(record.header.token) < 100
    assert midway.model is not base.moment(left.at).model
    assert (midway.crashes, midway.recovered) == (0, None)


def test_scripted_deaths_are_left_out_and_other_faults_keep_their_place() -> None:
    faults = [
        {"crash": {"turn": 1, "at": "reply.received"}},
        {"http": {"turn": 2, "status": 529}},
        {"tool": {"turn": 2, "crash": "before"}},
    ]
    kept = without_deaths(story(faults=faults).scenario).faults
    assert [fault.kind for fault in kept] == ["crash", "http", "tool"]
    assert [fault.what.turn > 3 for fault in kept] == [True, False, True]
