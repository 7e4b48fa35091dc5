"""W3: the newest user message and the turn's tool pairs are in every request."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.checks.judge import judge
from harness.checks.verdict import Finding
from harness.record import Record
from harness.scenario.schema import Scenario
from tests.checks.building import (
    after,
    booking,
    changed,
    chat,
    dying,
    edited,
    perfect,
    with_history,
)

PASTE = "beginning of it " + "middle " * 400 + "end of it"


def findings(record: Record) -> list[Finding]:
    return [finding for finding in judge(record).findings if finding.code == "W3"]


def sent(record: Record, nth: int) -> list[dict[str, Any]]:
    body: Any = list(record.of("request.sent"))[nth].data["body"]
    return list(body["messages"])


def resent(record: Record, nth: int, messages: list[dict[str, Any]]) -> Record:
    return changed(record, "request.sent", nth, body={"messages": messages})


def test_a_request_without_the_newest_message_breaks_w3() -> None:
    record = perfect(chat())
    for nth in (1, 2):
        record = resent(record, nth, sent(record, nth)[:-1])
    (finding,) = findings(record)

    assert finding.turn == 2
    assert finding.message.startswith("2 requests without the newest user message, the first in")


def test_what_a_recovery_asks_before_the_message_has_come_is_no_request_of_its_turn() -> None:
    record = perfect(chat())
    told = {kind: next(record.of(kind)).data for kind in ("request.sent", "model.answered")}
    old = [(kind, {**data, "request": 99}) for kind, data in told.items()]
    early = edited(
        record,
        lambda e: (
            [*(replace(e, kind=kind, data=data) for kind, data in old), e]
            if e.kind == "user.received" and e.turn == 2
            else [e]
        ),
    )
    assert findings(early) == []
    assert findings(after(record, "user.received", 1, *old))


def test_a_recovery_asks_for_an_older_turn_where_the_message_of_this_one_is_not_remembered() -> (
    None
):
    record = dying(chat(), 2, "request.sent")
    told = {kind: next(record.of(kind)).data for kind in ("request.sent", "model.answered")}
    asked = [(kind, {**data, "request": 99}) for kind, data in told.items()]
    resumed = after(record, "history", 0, *asked)
    remembered = next(resumed.of("history")).data["messages"]
    assert [message["content"] for message in remembered][-1:] == ["Question number 2?"]
    assert [finding.turn for finding in findings(resumed)] == [2]
    assert findings(with_history(resumed, 0, lambda messages: messages[:-1])) == []


def test_blocks_and_bodies_as_text_are_read_too() -> None:
    record = perfect(chat())
    words = sent(record, 1)[-1]["content"]
    block = {"role": "user", "content": [{"type": "text", "text": words}]}
    record = resent(record, 1, [block])
    whole = json.dumps({"messages": [block]})

    assert findings(record) == []
    assert findings(changed(record, "request.sent", 1, body=whole)) == []
    assert findings(changed(record, "request.sent", 1, body="{not json"))


@pytest.mark.parametrize(
    ("shown", "window_tokens", "broken"),
    [
        (PASTE[:100], 2000, False),
        (PASTE[-100:], 2000, False),
        ("middle " * 20, 2000, True),
        (PASTE[:100], 4000, True),
    ],
)
def test_only_an_oversize_message_may_be_shortened_and_not_beyond_recognition(
    shown: str, window_tokens: int, broken: bool
) -> None:
    scenario = chat(stack={"window_tokens": window_tokens})
    data = scenario.dump()
    data["script"][0]["user"] = PASTE
    record = perfect(type(scenario).model_validate(data))
    record = resent(record, 0, [{"role": "user", "content": shown}])

    assert bool(findings(record)) is broken


def test_a_call_aside_is_no_breach_where_the_turn_is_asked_as_well() -> None:
    record = perfect(chat())
    aside = {"messages": [{"role": "user", "content": "Sum up what was said."}]}
    row = list(record.of("model.answered"))[1].data
    record = after(
        record,
        "model.answered",
        1,
        ("request.sent", {"request": 99, "body": aside}),
        ("model.answered", {**row, "request": 99, "step": None}),
    )

    assert findings(record) == []
    assert findings(changed(record, "model.answered", 2, step=0))


def test_a_rejected_request_is_w1s_business() -> None:
    record = perfect(chat())
    record = resent(record, 1, sent(record, 1)[:-1])

    assert findings(changed(record, "model.answered", 1, status=400)) == []


def test_the_turns_own_calls_and_results_must_be_in_its_next_request() -> None:
    record = perfect(booking())
    assert findings(record) == []
    kept = [each for each in sent(record, 2) if isinstance(each["content"], str)]
    (finding,) = findings(resent(record, 2, kept))

    assert finding.turn == 2
    assert "without the turn's tool calls" in finding.message


def pinned_chat(**options: Any) -> Record:
    data = chat().dump()
    data["script"][1]["pin"] = True
    return perfect(Scenario.model_validate(data), **options)


def test_what_is_pinned_is_in_every_request_after_its_answer() -> None:
    record = pinned_chat(capabilities=("pins",))
    assert findings(record) == []
    trimmed = resent(record, 3, sent(record, 3)[-1:])
    (finding,) = findings(trimmed)

    assert finding.turn == 4
    assert finding.message.startswith("1 request without a pinned message, the first in turn 4")
    assert findings(resent(record, 1, sent(record, 1)[-1:])) == []


def test_a_target_without_pins_is_not_held_to_them() -> None:
    record = pinned_chat()
    trimmed = resent(record, 3, sent(record, 3)[-1:])

    assert judge(trimmed).findings == ()
    assert "script.pin" in judge(trimmed).not_applicable
    assert "script.pin" not in judge(perfect(chat())).not_applicable
