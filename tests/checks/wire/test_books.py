"""W5 on records built by hand: what a target can know of what it was billed."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.record import Record
from tests.checks.building import after, changed, chat, dying, edited, perfect, without

TURNS = 4
KEEPS: dict[str, Any] = {"capabilities": ("checkpoint", "usage")}


def findings(record: Record) -> list[tuple[str, str]]:
    return [(finding.code, finding.message) for finding in judge(record).findings]


def booked(record: Record, replies: int, attempts: int | None = None) -> Record:
    """The same with so many replies in the target's books, and every request that left."""
    opened = next(record.of("usage")).n
    asked = sum(event.n < opened for event in record.of("model.answered"))
    books = {
        "input_tokens": 40 * replies,
        "output_tokens": 20 * replies,
        "cache_read_tokens": 50 * replies,
        "cache_write_tokens": 10 * replies,
        "attempts": asked if attempts is None else attempts,
    }
    return changed(record, "usage", 0, **books)


def test_books_that_agree_are_silent_and_others_are_told_with_both_sides() -> None:
    record = perfect(chat(TURNS), **KEEPS)
    assert findings(record) == []
    told = "160 input tokens, the API's ledger has 160 that it can know of"
    for replies in (3, 5):
        expected = told.replace("160", str(40 * replies), 1)
        assert findings(booked(record, replies)) == [
            ("W5", f"the target's own books say {expected}")
        ]


@pytest.mark.parametrize("kind", ["output_tokens", "cache_read_tokens", "cache_write_tokens"])
def test_each_kind_of_token_has_books_of_its_own(kind: str) -> None:
    ((code, message),) = findings(changed(perfect(chat(TURNS), **KEEPS), "usage", 0, **{kind: 7}))
    assert code == "W5"
    assert message.startswith(f"the target's own books say 7 {kind.replace('_', ' ')}, ")


@pytest.mark.parametrize(
    ("at", "known"),
    [
        # Billed and never heard: it is in no books.
        ("reply.started", (TURNS,)),
        # Heard in part, or heard and no more: all, or nothing.
        ("reply.received", (TURNS, TURNS + 1)),
        ("reply.returned", (TURNS - 1, TURNS)),
        # Heard in full and used: it must be there.
        ("reply.delivered", (TURNS,)),
    ],
)
def test_of_a_lost_reply_it_knows_what_it_heard(at: str, known: tuple[int, ...]) -> None:
    record = dying(chat(TURNS), 2, at, **KEEPS)
    for replies in range(TURNS - 1, TURNS + 3):
        codes = [code for code, _ in findings(booked(record, replies))]
        assert codes == ([] if replies in known else ["W5"]), replies


def test_of_a_reply_that_was_cut_it_may_know_some() -> None:
    faults = [{"stream": {"turn": 2, "cut": "reset"}}]
    record = changed(perfect(chat(TURNS, faults=faults), **KEEPS), "model.answered", 1, fault=0)
    record = edited(record, lambda event: [event])
    some = changed(booked(record, TURNS), "usage", 0, input_tokens=130)
    codes = {finding.code for finding in judge(some).findings}
    assert "W5" not in codes


@pytest.mark.parametrize(("tier", "codes"), [("kill", ["W5"]), ("ext4", [])])
def test_a_power_cut_may_take_books_that_nothing_was_acknowledged_on(
    tier: str, codes: list[str]
) -> None:
    record = changed(dying(chat(TURNS), 2, "reply.returned", **KEEPS), "crashed", 0, tier=tier)
    # The reply had been heard, and something was done after it.
    heard = list(record.of("reply.received"))[1]
    record = edited(
        record,
        lambda e: (
            [e, e.__class__(0, e.at_ns, e.life, e.turn, "tool.done", {"call_id": "x"})]
            if e is heard
            else [e]
        ),
    )
    assert [code for code, _ in findings(booked(record, TURNS - 1))] == codes


@pytest.mark.parametrize(("attempts", "kept"), [(0, True), (3, False), (4, True), (6, False)])
def test_attempts_are_the_requests_that_left_where_they_are_counted(
    attempts: int, kept: bool
) -> None:
    record = booked(perfect(chat(TURNS), **KEEPS), TURNS, attempts)
    assert (findings(record) == []) is kept


@pytest.mark.parametrize("at", ["reply.started", "reply.received", "reply.returned"])
def test_a_reply_that_died_with_its_process_is_an_attempt(at: str) -> None:
    record = dying(chat(TURNS), 2, at, **KEEPS)
    asked = sum(1 for _ in record.of("model.answered"))
    assert asked == TURNS + (at != "reply.returned")
    message = f"{asked - 1} attempts, the API's ledger has from {asked} to {asked + 1}"
    less = booked(record, TURNS if at != "reply.returned" else TURNS - 1, asked - 1)
    assert [found[1].partition(" say ")[2] for found in findings(less)] == [
        f"{message} that it can know of"
    ]
    cut = changed(less, "crashed", 0, tier="ext4")
    assert findings(cut) == [], "a power cut may take what it had written down"


def test_what_the_client_tried_again_is_an_attempt_once_the_call_is_over() -> None:
    faults = [{"http": {"turn": 2, "status": 529, "times": 2}}]
    record = perfect(chat(TURNS, faults=faults), **KEEPS)
    assert findings(booked(record, TURNS, TURNS + 2)) == []
    assert [code for code, _ in findings(booked(record, TURNS, TURNS + 1))] == ["W5"]


def test_of_what_the_client_tried_in_the_call_it_died_in_one_attempt_is_known() -> None:
    faults = [
        {"http": {"turn": 2, "status": 529, "times": 2}},
        {"crash": {"turn": 2, "at": "reply.started"}},
    ]
    record = perfect(chat(TURNS, faults=faults), **KEEPS)
    assert sum(1 for _ in record.of("model.answered")) == TURNS + 3
    assert findings(booked(record, TURNS, TURNS + 1)) == []
    assert [code for code, _ in findings(booked(record, TURNS, TURNS))] == ["W5"]


def test_in_a_turn_whose_disk_failed_the_replies_that_it_had_are_enough() -> None:
    faults = [{"http": {"turn": 2, "status": 529, "times": 2}}]
    record = perfect(chat(TURNS, faults=faults), **KEEPS)
    told = {"operation": "write", "path": "log", "error": "ENOSPC"}
    record = after(record, "user.received", 1, ("disk", told))
    assert findings(booked(record, TURNS, TURNS)) == []


def test_without_books_there_is_nothing_to_agree() -> None:
    record = perfect(chat(TURNS), capabilities=("checkpoint",))
    assert not list(record.of("usage"))
    verdict: Any = judge(record)
    assert (verdict.outcome, verdict.not_applicable) == ("pass", ("W5",))
    assert judge(without(perfect(chat(TURNS), **KEEPS), "usage")).outcome == "pass"


@pytest.mark.parametrize("replies", [TURNS - 1, TURNS])
def test_what_was_asked_aside_may_stand_in_other_books(replies: int) -> None:
    record = changed(perfect(chat(TURNS), **KEEPS), "model.answered", 1, step=None)
    assert "W5" not in {code for code, _ in findings(booked(record, replies))}


def test_damage_may_take_any_bill_before_it() -> None:
    told = {"what": "garbage", "path": "log", "loud": True, "after_crash": 1, "fault": 0}
    record = after(perfect(chat(TURNS), **KEEPS), "reply.delivered", 2, ("damaged", told))
    assert findings(booked(record, TURNS - 2)) == []
    assert [code for code, _ in findings(booked(record, 0))] == ["W5"]


@pytest.mark.parametrize(("midway", "codes"), [(2, []), (3, ["W5"]), (1, ["W5"])])
def test_books_opened_midway_hold_what_had_been_asked_until_then(
    midway: int, codes: list[str]
) -> None:
    record = perfect(chat(TURNS), **KEEPS)
    (last,) = record.of("usage")
    record = after(record, "reply.delivered", 1, ("usage", dict(last.data)))
    assert [code for code, _ in findings(booked(record, midway))] == codes
