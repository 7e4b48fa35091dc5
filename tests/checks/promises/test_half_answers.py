"""P5: half an answer is none; and a message that nobody can say need not be answered."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.checks.verdict import Finding
from harness.record import Record
from harness.scenario.schema import Scenario
from tests.checks.building import after, changed, edited, perfect, with_history

REFUSED = ("send.failed", {"message_id": "m00003", "error": "ValueError: no", "trace": ""})
LONG = {"user": "Tell me all", "reply": [{"text": "First this."}, {"text": "Then all of that."}]}


def the_finding(record: Record) -> Finding:
    """The one finding of a record."""
    (finding,) = judge(record).findings
    return finding


def told(answer: str, **row: Any) -> Record:
    """One turn of two steps, its end in two messages, and what the user was shown of it."""
    scenario = Scenario.model_validate({"name": "long", "script": [LONG]})
    pieces = [{"role": "assistant", "content": text} for text in ("Then all of", "that.")]
    record = with_history(perfect(scenario), -1, lambda m: [*m[:-1], *pieces])
    for kind in ("reply.returned", "reply.delivered"):
        record = changed(record, kind, 0, text=answer)
    return changed(record, "model.answered", -1, **row) if row else record


def test_a_part_of_the_answer_is_no_answer() -> None:
    finding = the_finding(told("that."))

    assert (finding.code, finding.turn) == ("P5", 1)
    assert finding.message == (
        "turn 1's message was answered with a part of the answer: "
        "expected 'Then all of that.', got 'that.'"
    )


@pytest.mark.parametrize(
    ("answer", "row"),
    [
        ("Then all of\nthat.", {}),
        ("that.", {"stop_reason": "max_tokens"}),
        ("that.", {"stop_reason": "model_context_window_exceeded"}),
    ],
)
def test_an_answer_may_be_joined_as_its_owner_likes_or_end_at_the_output_limit(
    answer: str, row: dict[str, Any]
) -> None:
    assert not judge(told(answer, **row)).findings


def test_a_blank_message_may_be_refused_and_its_reply_stay_unused() -> None:
    turn = {"user": " ", "reply": {"text": "You said nothing."}}
    said = {"user": "Hello", "reply": {"text": "Hello."}}
    scenario = Scenario.model_validate({"name": "blank", "script": [said, turn]})
    record = edited(
        perfect(scenario),
        lambda e: [] if e.turn == 2 and e.kind.startswith(("re", "model")) else [e],
    )
    refused = {**REFUSED[1], "message_id": "m00002"}
    record = after(record, "user.received", 1, ("send.failed", refused))
    verdict = judge(with_history(record, -1, lambda m: m[:2]))

    assert (verdict.outcome, verdict.findings) == ("pass", ())
