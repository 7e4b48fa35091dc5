"""The conformance suite: the same behaviour through every door, sync and async, streamed and not.

The real SDK, unmodified, is on the other side. What it makes of each fault is pinned here: the
class of the exception, the number of attempts, the virtual seconds it slept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import pytest

TOOL = {
    "name": "book",
    "description": "Books a table.",
    "input_schema": {"type": "object", "properties": {"seats": {"type": "integer"}}},
}
HELLO = {"role": "user", "content": "hello"}
LONG = " ".join(f"word{number}" for number in range(40))
TALK = [
    {"user": "hello", "reply": {"text": LONG}},
    {
        "user": "book",
        "reply": [
            {
                "think": "A table, then.",
                "text": "Let me see.",
                "tools": [
                    {"tool": "book", "input": {"seats": 2}},
                    {"tool": "book", "input": {"seats": 3}},
                ],
            },
            {"text": "Both are booked."},
        ],
    },
]


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> bool:
    """Whether the reply is streamed."""
    return bool(request.param)


def results(message: Any) -> dict[str, Any]:
    """A result for every call of a message."""
    return {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": block.id, "content": "ok"}
            for block in message.content
            if block.type == "tool_use"
        ],
    }


def test_a_conversation_with_tools_goes_round(rig: Callable[..., Any], streamed: bool) -> None:
    here = rig(TALK)
    first = here.create([HELLO], streamed=streamed, tools=[TOOL])
    assert [block.text for block in first.content] == [LONG]
    history = [HELLO, first.to_param(), {"role": "user", "content": "book"}]
    calls = here.create(history, streamed=streamed, tools=[TOOL])
    assert calls.stop_reason == "tool_use"
    kinds = [block.type for block in calls.content]
    assert kinds == ["thinking", "text", "tool_use", "tool_use"]
    assert [block.input for block in calls.content[2:]] == [{"seats": 2}, {"seats": 3}]
    history += [calls.to_param(), results(calls)]
    done = here.create(history, streamed=streamed, tools=[TOOL])
    assert done.content[-1].text == "Both are booked."
    assert [(row.turn, row.step) for row in here.model.ledger] == [(1, 0), (2, 0), (2, 1)]


def test_usage_adds_up_to_the_ledger(rig: Callable[..., Any], streamed: bool) -> None:
    here = rig(TALK)
    message = here.create([HELLO], streamed=streamed, cache_control={"type": "ephemeral"})
    (row,) = here.model.ledger
    usage = message.usage
    assert usage.input_tokens == row.input_tokens
    assert usage.output_tokens == row.output_tokens
    assert usage.cache_creation_input_tokens == row.cache_creation_input_tokens
    assert usage.cache_read_input_tokens == row.cache_read_input_tokens
    assert row.prompt_tokens == (
        row.input_tokens + row.cache_creation_input_tokens + row.cache_read_input_tokens
    )


def test_a_streamed_reply_is_the_unstreamed_one(rig: Callable[..., Any]) -> None:
    here = rig(TALK)
    book = [{"role": "user", "content": "book"}]
    whole = here.create(book, tools=[TOOL]).to_dict()
    pieces = here.create(book, tools=[TOOL], streamed=True).to_dict()
    assert whole.pop("id") != pieces.pop("id")
    for block in (*whole["content"], *pieces["content"]):
        block.pop("parsed_output", None)
    assert whole == pieces


def test_the_reply_takes_the_time_of_its_tokens(rig: Callable[..., Any], streamed: bool) -> None:
    here = rig(TALK, model={"first_token": "2s", "tokens_per_second": 10})
    message = here.create([HELLO], streamed=streamed)
    expected_ns = 2_000_000_000 + message.usage.output_tokens * 100_000_000
    assert here.clock.now_ns == pytest.approx(expected_ns, abs=1000)


def test_the_same_history_hears_the_same_reply_and_pays_again(rig: Callable[..., Any]) -> None:
    here = rig(TALK)
    first, second = here.create([HELLO]), here.create([HELLO])
    assert first.content == second.content
    assert first.id != second.id
    assert [row.cost_usd > 0 for row in here.model.ledger] == [True, True]


def test_counting_and_models_are_served(rig: Callable[..., Any]) -> None:
    here = rig(TALK)
    counted = here.call(
        lambda client: client.messages.count_tokens(model="claude-sonnet-5-5", messages=[HELLO])
    )
    message = here.create([HELLO])
    assert counted.input_tokens == message.usage.input_tokens
    info = here.call(lambda client: client.models.retrieve("claude-sonnet-5-5"))
    assert info.max_tokens == 128_000


def test_an_answer_carries_its_request_id(rig: Callable[..., Any]) -> None:
    here = rig(TALK)
    assert here.create([HELLO])._request_id == here.model.ledger[0].request_id
    with pytest.raises(anthropic.BadRequestError) as caught:
        here.create([])
    assert caught.value.request_id == here.model.ledger[1].request_id
    assert caught.value.body == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "messages: at least one message is required",
        },
        "request_id": here.model.ledger[1].request_id,
    }


NEWER = hasattr(anthropic, "GatewayTimeoutError")
"""Later SDKs of the declared range tell more statuses apart by class."""


def _error(newer: str, older: str) -> type[Exception]:
    kind: type[Exception] = getattr(anthropic, newer if NEWER else older)
    return kind


ONE_ATTEMPT = [
    (400, anthropic.BadRequestError),
    (401, anthropic.AuthenticationError),
    (403, anthropic.PermissionDeniedError),
    (404, anthropic.NotFoundError),
    (413, _error("ContentTooLargeError", "RequestTooLargeError")),
]
THREE_ATTEMPTS = [
    (409, anthropic.ConflictError),
    (429, anthropic.RateLimitError),
    (500, anthropic.InternalServerError),
    (503, _error("ServiceUnavailableError", "InternalServerError")),
    (504, _error("GatewayTimeoutError", "InternalServerError")),
    (529, anthropic.OverloadedError),
]


@pytest.mark.parametrize(("status", "error"), ONE_ATTEMPT)
def test_a_refusal_is_not_tried_again(
    status: int, error: type[Exception], rig: Callable[..., Any]
) -> None:
    here = rig(TALK, [{"http": {"turn": 1, "status": status, "times": 9}}])
    with pytest.raises(error):
        here.create([HELLO])
    assert [row.status for row in here.model.ledger] == [status]
    assert here.slept == []


@pytest.mark.parametrize(("status", "error"), THREE_ATTEMPTS)
def test_a_passing_error_is_tried_three_times_with_back_off(
    status: int, error: type[Exception], rig: Callable[..., Any], streamed: bool
) -> None:
    here = rig(TALK, [{"http": {"turn": 1, "status": status, "times": 9}}])
    with pytest.raises(error):
        here.create([HELLO], streamed=streamed)
    assert [row.status for row in here.model.ledger] == [status] * 3
    first, second = here.slept
    assert 0.375 <= first <= 0.5
    assert 0.75 <= second <= 1.0


def test_a_fault_is_used_up_by_the_attempts_of_its_turn(rig: Callable[..., Any]) -> None:
    here = rig(TALK, [{"http": {"turn": 1, "status": 529, "times": 2}}])
    assert here.create([HELLO]).content[0].text == LONG
    assert [(row.status, row.fault) for row in here.model.ledger] == [
        (529, 0),
        (529, 0),
        (200, None),
    ]


@pytest.mark.parametrize("seconds", [59, 61, 3600])
def test_retry_after_is_honoured_in_full(seconds: int, rig: Callable[..., Any]) -> None:
    fault = {"turn": 1, "status": 429, "times": 1, "retry_after": f"{seconds}s"}
    here = rig(TALK, [{"http": fault}])
    assert here.create([HELLO]).content[0].text == LONG
    assert here.slept == [seconds]


@pytest.mark.parametrize(
    ("network", "error", "waited_seconds"),
    [
        ("connect_error", anthropic.APIConnectionError, 0),
        ("connect_timeout", anthropic.APITimeoutError, 3 * 5),
        ("reset", anthropic.APIConnectionError, 0),
        ("hang", anthropic.APITimeoutError, 3 * 600),
    ],
)
def test_a_lost_connection_is_tried_three_times(
    network: str, error: type[Exception], waited_seconds: int, rig: Callable[..., Any], door: str
) -> None:
    here = rig(TALK, [{"http": {"turn": 1, "network": network, "times": 9}}])
    options = {"timeout": 0.2} if door == "server" else {}
    with pytest.raises(error) as caught:
        here.create([HELLO], options=options)
    assert type(caught.value) is error
    assert [row.status for row in here.model.ledger] == [None] * 3
    assert len(here.slept) == 2
    if door != "server":
        passed = here.clock.now_ns / 1e9 - sum(here.slept)
        assert passed == pytest.approx(waited_seconds, abs=0.001)


def test_a_lost_reply_is_billed_and_a_refused_connection_is_not(rig: Callable[..., Any]) -> None:
    faults = [
        {"http": {"turn": 1, "network": "connect_error"}},
        {"http": {"turn": 1, "network": "reset"}},
    ]
    here = rig(TALK, faults)
    here.create([HELLO])
    costs = [row.cost_usd for row in here.model.ledger]
    assert costs[0] == 0
    assert costs[1] == costs[2] > 0


@pytest.mark.parametrize(
    ("cut", "error"), [("reset", httpx2.ReadError), ("hang", httpx2.ReadTimeout)]
)
def test_a_stream_that_breaks_raises_a_raw_error_and_is_not_tried_again(
    cut: str, error: type[Exception], rig: Callable[..., Any], door: str
) -> None:
    here = rig(TALK, [{"stream": {"turn": 1, "cut": cut, "after_chars": 60, "times": 9}}])
    options = {"timeout": 0.2} if door == "server" else {}
    with pytest.raises(error) as caught:
        here.create([HELLO], streamed=True, options=options)
    assert type(caught.value) is error
    assert [(row.status, row.fault) for row in here.model.ledger] == [(200, 0)]
    assert here.slept == []


def test_a_clean_end_in_the_middle_raises_nothing_and_has_no_stop_reason(
    rig: Callable[..., Any],
) -> None:
    here = rig(TALK, [{"stream": {"turn": 1, "cut": "eof", "after_chars": 60, "times": 9}}])
    message = here.create([HELLO], streamed=True)
    assert message.stop_reason is None
    assert message.content[0].text == LONG[:60]
    assert len(here.model.ledger) == 1


def test_a_tool_call_cut_in_its_json_parses_to_what_is_there(rig: Callable[..., Any]) -> None:
    call = {"tool": "book", "input": {"seats": 2, "name": "a long name for a table"}}
    here = rig(
        [{"user": "hello", "reply": call}],
        [{"stream": {"turn": 1, "cut": "eof", "after_chars": 20}}],
    )
    message = here.create([HELLO], streamed=True, tools=[TOOL])
    assert message.stop_reason is None
    assert message.content[0].input["seats"] == 2
    assert message.content[0].input != call["input"]


def test_an_error_event_is_a_plain_status_error_of_200(rig: Callable[..., Any]) -> None:
    fault = {"turn": 1, "error": "overloaded_error", "after_chars": 60, "times": 9}
    here = rig(TALK, [{"stream": fault}])
    with pytest.raises(anthropic.APIStatusError) as caught:
        here.create([HELLO], streamed=True)
    assert type(caught.value) is anthropic.APIStatusError
    assert caught.value.status_code == 200
    assert caught.value.type == "overloaded_error"
    assert [row.error_type for row in here.model.ledger] == ["overloaded_error"]


def test_a_whole_body_that_comes_short_is_tried_again(rig: Callable[..., Any]) -> None:
    here = rig(TALK, [{"stream": {"turn": 1, "cut": "eof", "after_chars": 60, "times": 2}}])
    assert here.create([HELLO]).content[0].text == LONG
    assert [row.fault for row in here.model.ledger] == [0, 0, None]
    assert len(here.slept) == 2


def test_a_timeout_shorter_than_the_reply_takes_strikes(rig: Callable[..., Any], door: str) -> None:
    here = rig(TALK, model={"first_token": "30s"})
    if door == "server":
        assert here.create([HELLO], options={"timeout": 5.0}).stop_reason == "end_turn"
        return
    with pytest.raises(anthropic.APITimeoutError):
        here.create([HELLO], options={"timeout": 5.0, "max_retries": 0})
    assert here.clock.now_ns == 5_000_000_000
