"""A row for every attempt, and what the client was told stands in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.model.ledger import LedgerRow

HI = [{"role": "user", "content": "hi"}]


def test_every_attempt_has_a_row_answered_refused_or_lost(desk: Callable[..., Any]) -> None:
    here = desk(
        [{"user": "hi", "reply": {"text": "Hello."}}],
        faults=[{"http": {"turn": 1, "network": "hang"}}],
    )
    here.post(HI)
    here.post([])
    here.wait(5)
    here.post(HI)
    here.send(b"", method="GET", path="/v1/models")
    rows: list[LedgerRow] = here.model.ledger
    assert [row.n for row in rows] == [1, 2, 3, 4]
    assert [row.status for row in rows] == [None, 400, 200, 200]
    assert [row.at_ns for row in rows] == [0, 0, 5_000_000_000, 5_000_000_000]
    assert [row.fault for row in rows] == [0, None, None, None]
    assert [row.path for row in rows] == ["/v1/messages"] * 3 + ["/v1/models"]
    assert len({row.request_id for row in rows}) == 4


def test_a_row_tells_of_the_request_and_of_the_reply(desk: Callable[..., Any]) -> None:
    here = desk([{"user": "hi", "reply": {"text": "Hello."}}], context_window=5000)
    row = here.post(HI, max_tokens=77, stream=True).row
    assert (row.model, row.messages, row.max_tokens) == ("claude-sonnet-5-5", 1, 77)
    assert (row.turn, row.step, row.stop_reason) == (1, 0, "end_turn")
    assert (row.context_window, row.stream, row.rule) == (5000, True, None)


def test_a_refused_row_names_the_rule_and_still_the_size(desk: Callable[..., Any]) -> None:
    row = desk(context_window=3).post(HI).row
    assert (row.rule, row.error_type) == ("prompt_too_long", "invalid_request_error")
    assert row.prompt_tokens > row.context_window == 3
    assert row.cost_usd == 0


def test_each_row_is_shown_as_it_is_written(desk: Callable[..., Any]) -> None:
    seen: list[LedgerRow] = []
    here = desk(on_row=seen.append)
    here.post(HI)
    here.post([])
    assert seen == here.model.ledger
