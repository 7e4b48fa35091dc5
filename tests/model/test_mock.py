"""The mock as a whole: any legal history is accepted, any broken one refused, junk is survived."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.doors.reply import Reply
from harness.model.mock import MockModel
from harness.model.rules.table import SURE
from harness.scenario.schema import Model

HEADERS = {
    "x-api-key": "test",
    "anthropic-version": "2026-10-21",
    "content-type": "application/json",
}
HI = [{"role": "user", "content": "hi"}]
TOOL = {"name": "book", "input_schema": {"type": "object"}}
FUZZED_BODIES = [3000, pytest.param(18_000, marks=pytest.mark.slow)]


def post(model: MockModel, body: Any, *, raw: bytes | None = None) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    data = json.dumps(body).encode() if raw is None else raw
    reply = model.handle("POST", "/v1/messages", HEADERS, data, 0)
    assert isinstance(reply, Reply)
    return reply.status, json.loads(b"".join(frame.data for frame in reply.frames))


def test_an_unknown_model_is_not_found(desk: Callable[..., Any]) -> None:
    refused = desk().post(HI, model="claude-none")
    assert (refused.status, refused.kind) == (404, "not_found_error")
    assert refused.body["error"]["message"] == "model: claude-none"
    assert (refused.row.rule, refused.row.context_window) == ("unknown_model", 0)
    assert desk().post(HI, model="claude-haiku-4-5-20251001").status == 200


def test_the_scenarios_window_stands_over_the_catalogues(desk: Callable[..., Any]) -> None:
    assert desk(context_window=4321).post(HI).row.context_window == 4321
    assert desk().post(HI).row.context_window == 1_000_000


def test_models_are_listed_page_by_page(desk: Callable[..., Any]) -> None:
    here = desk()

    def page(query: str) -> Any:
        return here.send(b"", method="GET", path=f"/v1/models?{query}").body

    first = page("limit=3")
    assert (len(first["data"]), first["has_more"]) == (3, True)
    rest = page(f"limit=9&after_id={first['last_id']}")
    assert rest["has_more"] is False
    ids = [one["id"] for one in (*first["data"], *rest["data"])]
    assert len(set(ids)) == len(ids) == 7
    assert page("limit=x")["error"]["type"] == "invalid_request_error"
    one = here.send(b"", method="GET", path="/v1/models/claude-haiku-4-5").body
    assert (one["max_input_tokens"], one["max_tokens"]) == (200_000, 64_000)
    assert here.send(b"", method="GET", path="/v1/models/claude-none").status == 404


def test_ids_come_from_the_seed_and_are_never_the_same_twice() -> None:
    def ids(seed: int) -> list[str]:
        model = MockModel(None, model=Model(), seed=seed)
        for _ in range(3):
            post(model, {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": HI})
        return [row.request_id for row in model.ledger]

    assert ids(1) == ids(1)
    assert len({*ids(1), *ids(2)}) == 6


def test_a_user_id_is_taken(desk: Callable[..., Any]) -> None:
    assert desk().post(HI, metadata={"user_id": "user-7"}).status == 200


def test_every_rule_off_still_answers_what_has_a_shape(desk: Callable[..., Any]) -> None:
    here = desk(rules_off=frozenset(SURE))
    assert here.post([]).status == 200
    assert here.post([{"role": "assistant", "content": ""}]).status == 200
    assert here.post(HI, max_tokens=None).status == 200


# Legal histories, and ways to break them.


def user(content: Any) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": content}


TEXTS = st.text(min_size=1, max_size=30).filter(lambda text: not text.isspace())


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Any history that a sound stack could send: turns, tool rounds, merged messages."""
    messages: list[dict[str, Any]] = []
    calls = 0
    for _ in range(draw(st.integers(1, 4))):
        messages.append(user(draw(TEXTS)))
        if draw(st.booleans()):
            messages.append(user([{"type": "text", "text": draw(TEXTS)}]))
        for _ in range(draw(st.integers(0, 2))):
            ids = [f"toolu_{calls + number}" for number in range(draw(st.integers(1, 3)))]
            calls += len(ids)
            said = [{"type": "text", "text": draw(TEXTS)}] if draw(st.booleans()) else []
            messages.append(
                {
                    "role": "assistant",
                    "content": said
                    + [{"type": "tool_use", "id": one, "name": "book", "input": {}} for one in ids],
                }
            )
            results = [{"type": "tool_result", "tool_use_id": one, "content": "ok"} for one in ids]
            if draw(st.booleans()):
                messages += [user([one]) for one in results]
            else:
                messages.append(user(results))
        messages.append({"role": "assistant", "content": draw(TEXTS)})
    messages.append(user(draw(TEXTS)))
    return messages


def _results(messages: list[Any]) -> list[tuple[list[Any], int]]:
    return [
        (message["content"], place)
        for message in messages
        if isinstance(message["content"], list)
        for place, block in enumerate(message["content"])
        if block["type"] == "tool_result"
    ]


def _drop_result(messages: list[Any], draw: random.Random) -> str | None:
    found = _results(messages)
    if not found:
        return None
    blocks, place = draw.choice(found)
    blocks[place] = {"type": "text", "text": "never mind"}
    return "dangling_tool_use"


def _rename_result(messages: list[Any], draw: random.Random) -> str | None:
    found = _results(messages)
    if not found:
        return None
    blocks, place = draw.choice(found)
    blocks.append({**blocks[place], "tool_use_id": "toolu_else"})
    return "orphan_tool_result"


def _double_result(messages: list[Any], draw: random.Random) -> str | None:
    found = _results(messages)
    if not found:
        return None
    blocks, place = draw.choice(found)
    blocks.insert(place, blocks[place])
    return "duplicate_tool_result"


def _double_call(messages: list[Any], draw: random.Random) -> str | None:
    calls = [
        message["content"]
        for message in messages
        if isinstance(message["content"], list) and message["content"][-1]["type"] == "tool_use"
    ]
    if not calls:
        return None
    blocks = draw.choice(calls)
    blocks.append(blocks[-1])
    return "duplicate_tool_use"


def _empty(messages: list[Any], draw: random.Random) -> str:
    draw.choice(messages)["content"] = ""
    return "empty_content"


def _blank(messages: list[Any], draw: random.Random) -> str:
    draw.choice(messages)["content"] = [{"type": "text", "text": " \n"}]
    return "blank_text"


def _lose_the_first(messages: list[Any], _draw: random.Random) -> str:
    while messages and messages[0]["role"] == "user":
        del messages[0]
    return "first_is_assistant"


def _lose_the_last(messages: list[Any], _draw: random.Random) -> str:
    while messages and messages[-1]["role"] == "user":
        del messages[-1]
    return "trailing_assistant"


MUTATIONS = (
    _drop_result,
    _rename_result,
    _double_result,
    _double_call,
    _empty,
    _blank,
    _lose_the_first,
    _lose_the_last,
)


def body_of(messages: list[Any]) -> dict[str, Any]:
    """A request with this history."""
    return {
        "model": "claude-sonnet-5-5",
        "max_tokens": 100,
        "messages": messages,
        "tools": [TOOL],
    }


@given(histories())
@settings(max_examples=150, deadline=None)
def test_any_history_of_a_sound_stack_is_accepted(messages: list[dict[str, Any]]) -> None:
    model = MockModel(None, model=Model())
    assert post(model, body_of(messages))[0] == 200


@pytest.mark.parametrize("mutate", MUTATIONS)
@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_one_mutation_that_breaks_a_rule_is_refused_by_that_rule(
    mutate: Callable[[list[Any], random.Random], str | None],
    messages: list[dict[str, Any]],
    draw: random.Random,
) -> None:
    rule = mutate(messages, draw)
    if rule is None:
        return
    model = MockModel(None, model=Model())
    status, body = post(model, body_of(messages))
    assert (status, body["error"]["type"]) == (400, "invalid_request_error")
    broken = {rule}
    if mutate in (_empty, _blank):
        # An emptied message may have held the tool blocks of a pair; either complaint is right.
        broken |= {"dangling_tool_use", "orphan_tool_result"}
    assert model.ledger[0].rule in broken


def _well_formed(status: int, body: Any) -> bool:
    if status == 200:
        return body["type"] == "message" and body["role"] == "assistant"
    return (
        400 <= status < 500
        and body["type"] == "error"
        and set(body["error"]) == {"type", "message"}
        and body["request_id"].startswith("req_")
    )


_JUNK: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    "",
    " ",
    "x",
    "\x00",
    "é東😀",
    [],
    {},
    [[]],
    [{}],
    {"type": "text"},
    {"type": "text", "text": 1},
    {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text"}]},
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "ephemeral", "ttl": "1h"},
]


def _mutate(value: Any, draw: random.Random) -> Any:
    """The same JSON with one thing in it changed, dropped or doubled."""
    if draw.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return draw.choice(_JUNK)
    copy = value.copy()
    if isinstance(copy, dict):
        key = draw.choice([*copy, draw.choice(["cache_control", "type", "x"])])
        if key in copy and draw.random() < 0.2:
            del copy[key]
        else:
            copy[key] = _mutate(copy.get(key), draw)
        return copy
    place = draw.randrange(len(copy))
    if draw.random() < 0.2:
        copy.insert(place, copy[place])
    else:
        copy[place] = _mutate(copy[place], draw)
    return copy


RICH = {
    "model": "claude-haiku-4-5",
    "max_tokens": 3000,
    "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
    "tools": [TOOL],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "disabled"},
    "metadata": {"user_id": "u"},
    "stop_sequences": ["END"],
    "output_config": {"effort": "low"},
    "messages": [
        {"role": "user", "content": "hello"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Yes."},
                {"type": "tool_use", "id": "t1", "name": "book", "input": {"seats": [1, {}]}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [{"type": "text", "text": "ok"}],
                    "is_error": False,
                },
                {"type": "text", "text": "And?"},
            ],
        },
    ],
}


@pytest.mark.parametrize("bodies", FUZZED_BODIES)
@pytest.mark.parametrize("rules_off", [frozenset(), frozenset(SURE)], ids=["strict", "loose"])
def test_any_fuzzed_body_has_a_well_formed_answer(rules_off: frozenset[str], bodies: int) -> None:
    draw = random.Random(20)
    model = MockModel(None, model=Model(), rules_off=rules_off)
    statuses = set()
    for _ in range(bodies):
        body: Any = RICH
        for _ in range(draw.randint(1, 3)):
            body = _mutate(body, draw)
        status, answer = post(model, body)
        assert _well_formed(status, answer), json.dumps(body)
        statuses.add(status)
    assert {200, 400, 404} <= statuses


@pytest.mark.parametrize("bodies", FUZZED_BODIES)
def test_any_fuzzed_bytes_have_a_well_formed_answer(bodies: int) -> None:
    draw = random.Random(21)
    model = MockModel(None, model=Model())
    good = json.dumps(RICH).encode()
    for _ in range(bodies):
        raw = bytearray(good)
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(raw))
            raw[place : place + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
        assert _well_formed(*post(model, None, raw=bytes(raw))), bytes(raw)
