"""What has no shape is refused before any rule is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.model.message import Refusal
from harness.model.request import parse, read_body

GOOD: dict[str, Any] = {
    "model": "x",
    "max_tokens": 1,
    "messages": [{"role": "user", "content": "a"}],
}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xed\xa0\x80"}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a": 1} x',
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match="The request body is not valid JSON") as caught:
        read_body(body)
    assert caught.value.status == 400


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match="valid dictionary or object"):
        read_body(body)


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("model", 1, "model"),
        ("max_tokens", "1", "max_tokens"),
        ("max_tokens", True, "max_tokens"),
        ("max_tokens", 1.5, "max_tokens"),
        ("stream", 1, "stream"),
        ("messages", {}, "messages"),
        ("messages", ["x"], "messages.0"),
        ("messages", [{"role": "user", "content": 1}], "messages.0.content"),
        ("messages", [{"role": "user", "content": ["x"]}], "messages.0.content.0"),
        ("messages", [{"role": "user", "content": [{"text": "x"}]}], "messages.0.content.0"),
        (
            "messages",
            [{"role": "user", "content": [{"type": "text", "text": 1}]}],
            "messages.0.content.0.text.text",
        ),
        (
            "messages",
            [{"role": "user", "content": [{"type": "tool_result"}]}],
            "messages.0.content.0.tool_result.tool_use_id: Field required",
        ),
        (
            "messages",
            [
                {
                    "role": "user",
                    "content": [{"type": "tool_use", "id": "a", "name": "b", "input": 1}],
                }
            ],
            "messages.0.content.0.tool_use.input: Input should be a valid dictionary",
        ),
        ("system", 1, "system"),
        ("system", [1], "system.0"),
        ("tools", {}, "tools"),
        ("tools", ["x"], "tools.0"),
        ("tools", [{}], "tools.0.custom.name"),
        ("thinking", "on", "thinking"),
        ("tool_choice", [], "tool_choice"),
        ("metadata", [], "metadata"),
        ("stop_sequences", [1], "stop_sequences"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(field: str, value: object, place: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse({**GOOD, field: value})
    assert str(caught.value).startswith(place)


def test_messages_of_one_role_in_a_row_are_merged_for_the_pairs() -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "b"}]},
        {"role": "system", "content": "s"},
        {"role": "assistant", "content": "c"},
    ]
    merged = parse({**GOOD, "messages": messages}).merged
    assert [(one.role, one.first) for one in merged] == [("user", 0), ("assistant", 3)]
    assert [(message, place) for message, place, _block in merged[0].blocks] == [(0, 0), (1, 0)]


def test_marks_are_found_in_the_order_in_which_the_api_reads() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    body = {
        **GOOD,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a", **mark}]}],
        "system": [{"type": "text", "text": "s", **mark}],
        "tools": [{"name": "t", **mark}],
    }
    places = [place for place, _block in parse(json.loads(json.dumps(body))).cache_marks]
    assert places == ["tools.0", "system.0", "messages.0.content.0"]


def test_settings_are_one_object_for_all_that_say_the_same() -> None:
    other = {**GOOD, "messages": [{"role": "user", "content": "something else"}]}
    assert parse(GOOD).settings is parse(other).settings
    assert parse({**GOOD, "max_tokens": 101}).settings is not parse(GOOD).settings
    assert parse(GOOD, version="2026-10-21").settings is not parse(GOOD).settings


def test_what_python_takes_for_equal_is_not_the_same_settings() -> None:
    parse({**GOOD, "max_tokens": 1})
    for odd in (True, 1.0):
        with pytest.raises(Refusal, match="max_tokens: Input should be a valid integer"):
            parse({**GOOD, "max_tokens": odd})
