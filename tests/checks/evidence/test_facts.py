"""A record read as facts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.checks.evidence.facts import canonical, gather, number
from harness.checks.judge import judge
from harness.record import Record, read
from tests.checks.building import booking, changed, chat, dying, edited, perfect, with_history


def test_a_stored_record_is_judged_as_the_one_in_memory(tmp_path: Path) -> None:
    record = with_history(dying(booking(), 2, "tool.done"), -1, lambda m: m[2:])
    record.write(tmp_path / "record.jsonl")

    assert judge(read(tmp_path / "record.jsonl")) == judge(record)
    assert judge(record).outcome == "fail"


def test_sendings_reach_from_one_message_to_the_next() -> None:
    evidence = gather(dying(chat(turns=2), 1, "reply.received"))

    assert [sending.turn for sending in evidence.sendings] == [1, 1, 2]
    assert [sending.life for sending in evidence.sendings] == [1, 2, 2]
    assert evidence.sendings[0].end == evidence.sendings[1].start


def test_a_crash_is_found_by_its_turn_and_by_what_follows_it() -> None:
    evidence = gather(dying(chat(), 2, "reply.received"))
    (crash,) = evidence.crashes

    assert evidence.crash_in(2) == evidence.crash_before(len(evidence.record.events)) == crash
    assert evidence.crash_in(3) is None
    assert evidence.crash_before(crash.event) is None
    assert crash.told == "crash 1 (killed at reply.received in turn 2)"


def test_an_event_without_a_turn_is_placed_by_its_message_id() -> None:
    record = perfect(chat())
    record = edited(record, lambda e: [replace(e, turn=None)])

    assert [sending.turn for sending in gather(record).sendings] == [1, 2, 3, 4]


def test_a_token_that_is_none_is_taken_for_the_scripted_case() -> None:
    record = perfect(chat())

    assert not gather(record).swept
    assert not gather(Record(replace(record.header, token="hx1-made-by-hand"))).swept
    assert gather(perfect(chat(), 3, choice="k3")).swept


def test_an_unknown_tier_is_taken_for_a_kill() -> None:
    record = changed(dying(chat(), 2, "reply.received"), "crashed", tier="meteor")

    assert gather(record).crashes[0].tier == "kill"


def test_bodies_are_compared_by_content_whether_text_or_data() -> None:
    assert canonical('{"b": 1, "a": [2]}') == canonical({"a": [2], "b": 1})
    assert canonical("no json") == "no json"


def test_a_number_that_is_none_is_an_error() -> None:
    assert number({"request": 3}, "request") == 3
    with pytest.raises(TypeError, match="expected a whole number under 'request'"):
        number({"request": "3"}, "request")


def test_the_rows_turn_is_the_scripts_and_the_events_turn_the_users() -> None:
    record = changed(perfect(chat()), "model.answered", 1, turn=1, step=None)
    row = gather(record).answers[1]

    assert (row.turn, row.script_turn, row.step) == (2, 1, None)
    assert json.loads(json.dumps(row.cost_usd)) == 0.01
