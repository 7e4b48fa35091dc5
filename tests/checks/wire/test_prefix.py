"""W6 on records built by hand: why a request does not begin with the one before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.checks.evidence.facts import gather
from harness.checks.judge import judge
from harness.checks.wire.prefix import breaks
from harness.record import Event, Record
from tests.checks.building import after, chat, dying, edited, perfect, rows_changed

TURNS = 5
Body = dict[str, Any]


def findings(record: Record) -> list[tuple[str, str]]:
    return [(finding.code, finding.message) for finding in judge(record).findings]


def asking(change: Callable[[int, Body], Body], record: Record | None = None) -> Record:
    """A record (a perfect one if left out) whose n-th request (from 1) is changed."""
    number = 0

    def anew(event: Event) -> list[Event]:
        nonlocal number
        if event.kind != "request.sent":
            return [event]
        number += 1
        body = {"model": "m", "system": "Be brief.", "tools": [], **dict(event.data["body"])}  # type: ignore[call-overload]
        data = {**event.data, "body": change(number, body)}
        return [Event(event.n, event.at_ns, event.life, event.turn, event.kind, data)]

    return edited(perfect(chat(TURNS)) if record is None else record, anew)


def causes(record: Record) -> list[tuple[str, int | None]]:
    return [(each.cause, each.row.turn) for each in breaks(gather(record))]


def from_turn(turn: int, change: Callable[[Body], Body]) -> Record:
    return asking(lambda number, body: change(body) if number >= turn else body)


def with_messages(change: Callable[[list[Any]], list[Any]]) -> Callable[[Body], Body]:
    return lambda body: {**body, "messages": change(body["messages"])}


def test_requests_that_grow_break_nothing_however_their_blocks_are_written() -> None:
    def other_writing(number: int, body: Body) -> Body:
        if number % 2:
            return body
        marked = [
            {**message, "content": [{"type": "text", "text": message["content"]}]}
            if isinstance(message["content"], str)
            else message
            for message in body["messages"]
        ]
        marked[-1]["content"][-1]["cache_control"] = {"type": "ephemeral"}
        return {**body, "system": [{"type": "text", "text": "Be brief."}], "messages": marked}

    assert causes(asking(other_writing)) == []


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (with_messages(lambda m: m[4:]), "cut"),
        (with_messages(lambda m: [m[0], *m[3:]]), "cut"),
        (
            with_messages(lambda m: [{"role": "user", "content": "So far: two"}, *m[4:]]),
            "summary",
        ),
    ],
)
def test_a_cut_or_a_summary_is_a_stacks_right(change: Callable[[Body], Body], cause: str) -> None:
    record = from_turn(4, change)
    assert causes(record) == [(cause, 4)]
    assert "W6" not in {code for code, _ in findings(record)}


@pytest.mark.parametrize(
    ("lead", "lives", "cause"),
    [
        ("So far: one", 2, "unexplained"),
        ("So far: one", 1, "cut"),
        ("Question number 1?", 2, "cut"),
    ],
)
def test_what_another_process_leaves_out_in_front_was_no_cut(
    lead: str, lives: int, cause: str
) -> None:
    def change(number: int, body: Body) -> Body:
        first = [{"role": "user", "content": lead}] if number == 3 else []
        return {**body, "messages": [*first, *body["messages"][2:]]} if number >= 3 else body

    record = edited(
        asking(change),
        lambda e: [replace(e, life=lives if e.turn and e.turn >= 4 else 1)],
    )
    assert (cause, 4) in causes(record)


def test_the_cache_may_have_expired_meanwhile() -> None:
    record = rows_changed(perfect(chat(2)), cache_read_input_tokens=0)
    late = edited(record, lambda e: [Event(e.n, e.at_ns * 100, e.life, e.turn, e.kind, e.data)])
    assert [cause for cause, _ in causes(late)] == ["expired"]
    assert causes(record) == []


def test_an_old_message_that_reads_otherwise_is_a_finding() -> None:
    def change(messages: list[Any]) -> list[Any]:
        return [{**messages[0], "content": "Question number 1!"}, *messages[1:]]

    assert findings(from_turn(3, with_messages(change))) == [
        (
            "W6",
            "turn 3's request does not begin with the one before it: what was said before reads "
            "otherwise, expected 'Question number 1?', got 'Question number 1!'",
        )
    ]


def test_messages_that_all_read_otherwise_are_no_cut() -> None:
    def stamped(number: int, body: Body) -> Body:
        return with_messages(
            lambda m: [{**each, "content": f"[{number}] {each['content']}"} for each in m]
        )(body)

    assert {cause for cause, _ in causes(asking(stamped))} == {"unexplained"}


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("system", "Be brief. Now is 9:00.", "another system prompt"),
        ("tools", [{"name": "late"}], "other tools"),
    ],
)
def test_another_system_prompt_or_other_tools_are_a_finding(
    key: str, value: object, told: str
) -> None:
    ((code, message),) = findings(from_turn(4, lambda body: {**body, key: value}))
    assert code == "W6"
    assert told in message


def test_a_prompt_that_changes_each_time_is_one_finding() -> None:
    ((_code, message),) = findings(
        asking(lambda number, body: {**body, "system": f"Message {number}"})
    )
    assert message.endswith("(and in 3 more requests)")


def test_each_model_has_a_prefix_of_its_own() -> None:
    def two_models(number: int, body: Body) -> Body:
        return {**body, "model": f"m{number % 2}", "system": f"For {number % 2}"}

    assert causes(asking(two_models)) == []


def test_a_reply_that_is_being_continued_may_grow() -> None:
    def change(number: int, body: Body) -> Body:
        half = [*body["messages"], {"role": "assistant", "content": "Answer number"}]
        return {**body, "messages": half} if number == 2 else body

    assert causes(asking(change)) == []


@pytest.mark.parametrize(("hit", "cause"), [(True, "damage"), (False, "unexplained")])
def test_what_damage_at_rest_took_reads_otherwise_once_and_nothing_else_does(
    hit: bool, cause: str
) -> None:
    def garbled(number: int, body: Body) -> Body:
        if number < 4:
            return body
        return {**body, "messages": [{"role": "user", "content": "?"}, *body["messages"][1:]]}

    record = asking(garbled, dying(chat(TURNS), 4, "user.received"))
    spoilt = {"path": "log", "offset": 9, "size": 12, "what": "nul", "loud": True, "fault": 0}
    if hit:
        record = after(record, "history", 0, ("damaged", {**spoilt, "after_crash": 1}))
    assert causes(record) == [(cause, 4)]
