"""Session files are read line by line; damage is told by its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.lab.importer.read import ImportRefused, Said, read

HELLO = {"role": "user", "content": "hello"}
HI = {"role": "assistant", "content": [{"type": "text", "text": "hi"}]}


def _file(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "session.jsonl"
    path.write_bytes(data)
    return path


def _lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


@pytest.mark.parametrize(
    "data",
    [
        _lines(HELLO, HI),
        json.dumps([HELLO, HI]).encode(),
        json.dumps({"model": "x", "messages": [HELLO, HI]}).encode(),
        _lines({"uuid": 1, "message": HELLO}, {"type": "mode"}, {"uuid": 2, "message": HI}),
    ],
)
def test_messages_are_found_in_every_shape(tmp_path: Path, data: bytes) -> None:
    session = read(_file(tmp_path, data))
    assert [(one.role, one.text) for one in session.messages] == [
        ("user", "hello"), ("assistant", "hi"),
    ]  # fmt: skip
    assert session.damaged == ()
    assert not session.torn


def test_a_torn_end_is_told_from_damage_in_the_middle(tmp_path: Path) -> None:
    torn = read(_file(tmp_path, _lines(HELLO, HI) + b'{"role": "user", "con'))
    assert (torn.damaged, torn.torn) == ((3,), True)
    middle = read(_file(tmp_path, _lines(HELLO) + b"\x00\x00\xff\n" + _lines(HI)))
    assert (middle.damaged, middle.torn) == ((2,), False)
    assert middle.messages[-1] == Said(3, "assistant", tuple(HI["content"]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"no json\n", b'{"a": 1}\n', b"[1, 2]", b"\xff\xfe"]
)
def test_what_is_no_conversation_is_refused_with_a_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ImportRefused, match="expected a conversation, one JSON message"):
        read(_file(tmp_path, data))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="expected a session's file, got"):
        read(tmp_path / "nothing")
    with pytest.raises(ImportRefused, match="expected a session's file, got"):
        read(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        rb'{"role": "user", "content": "\ud800 x"}',
        rb'{"role": "\udfff", "content": "x"}',
        rb'{"role": "assistant", "content": [{"type": "tool_use", "input": {"a": ["\ud83d"]}}]}',
        rb'{"role": "assistant", "content": [{"type": "tool_use", "input": {"\ud83d": 1}}]}',
        b'{"role": "user", "content": "\xed\xa0\x80"}',
    ],
)
def test_half_a_character_is_refused_with_its_line_and_a_remedy(
    tmp_path: Path, line: bytes
) -> None:
    path = _file(tmp_path, _lines(HELLO, HI) + line + b"\n")
    with pytest.raises(ImportRefused) as refused:
        read(path)
    told = str(refused.value)
    assert told.startswith(f"{path}:3: expected text, got half a character (")
    assert told.endswith("write \\ufffd in its place, or take the line out")


def test_both_halves_of_a_character_are_one(tmp_path: Path) -> None:
    session = read(_file(tmp_path, rb'{"role": "user", "content": "\ud83d\ude00"}'))
    assert session.messages[0].text == "\N{GRINNING FACE}"


def test_what_no_script_may_nest_is_refused_with_its_line(tmp_path: Path) -> None:
    deep = b'{"role": "user", "content": [{"type": "x", "a": ' + b"[" * 600 + b"]" * 600 + b"}]}"
    path = _file(tmp_path, _lines(HELLO) + deep)
    with pytest.raises(ImportRefused, match=r":2: expected at most \d+ levels, got more; flatten"):
        read(path)
