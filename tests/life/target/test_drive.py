"""Driving a target: plain or async, and its exceptions are answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from harness.life.target.drive import Driver
from harness.protocol import Checkpoint, Message, Usage


class _Plain:
    def send(self, message_id: str, text: str) -> Any:
        if text == "boom":
            raise RuntimeError(f"no room in {self.home} at {self!r}")
        if text == "exit":
            sys.exit(3)
        return 7 if text == "number" else f"you said {text}"

    def history(self) -> list[Message]:
        return [Message("user", "hi")]

    def checkpoint(self) -> Checkpoint | None:
        return Checkpoint(3, {"a": 1})

    def usage(self) -> Usage:
        return Usage(1, 2)

    def resume(self) -> None: ...

    def close(self) -> None: ...

    home: Path


class _Async:
    async def send(self, message_id: str, text: str) -> str:
        return f"later {text}"

    async def history(self) -> list[Message]:
        return []

    async def close(self) -> None: ...


class _Target:
    private_modes = True

    def __init__(self, session: Any) -> None:
        self._session = session

    def open(self, home: Path, *_rest: Any) -> Any:
        self._session.home = home
        return self._session


def _driver(session: Any, home: str = "/some/where") -> Driver:
    driver = Driver(_Target(session), home)
    opened = driver.answer({"do": "open", "session_id": "s", "settings": {}, "tools": {}})
    assert opened["value"]["private_modes"] is True
    return driver


def test_what_a_session_can_do_is_found_by_its_methods() -> None:
    driver = Driver(_Target(_Plain()), "/x")
    opened = driver.answer({"do": "open", "session_id": "s", "settings": {}, "tools": {}})
    assert opened["value"]["capabilities"] == ["checkpoint", "usage", "resume"]
    assert driver.answer({"do": "checkpoint"})["value"] == {
        "turn_number": 3,
        "tool_state": {"a": 1},
    }
    assert driver.answer({"do": "usage"})["value"]["output_tokens"] == 2
    assert driver.answer({"do": "resume"}) == {"value": None}
    driver.answer({"do": "close"})


@pytest.mark.parametrize(("session", "answer"), [(_Plain(), "you said hi"), (_Async(), "later hi")])
def test_plain_and_async_sessions_answer_alike(session: Any, answer: str) -> None:
    driver = _driver(session)
    assert driver.answer({"do": "send", "message_id": "m", "text": "hi"}) == {"value": answer}
    assert "value" in driver.answer({"do": "history"})
    assert driver.answer({"do": "close"}) == {"value": None}


def test_an_exception_is_an_answer_without_this_machines_paths_and_addresses() -> None:
    answer = _driver(_Plain()).answer({"do": "send", "message_id": "m", "text": "boom"})
    assert answer["error"].startswith("RuntimeError: no room in <home> at <")
    assert "0x…" in answer["error"]
    assert answer["trace"][-1].startswith("test_drive.py:")
    assert answer["where"] == answer["trace"][-1]


def test_an_exit_of_the_target_is_an_answer_too() -> None:
    answer = _driver(_Plain()).answer({"do": "send", "message_id": "m", "text": "exit"})
    assert answer["error"] == "SystemExit: 3"


def test_an_answer_that_is_no_text_is_the_targets_mistake() -> None:
    answer = _driver(_Plain()).answer({"do": "send", "message_id": "m", "text": "number"})
    assert answer["error"] == "TypeError: send() returns the answer as text, got int"


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([{"role": "user"}], "history() returns harness.protocol.Message objects, got a dict"),
        ([Message("user", {1, 2})], "not JSON serializable"),  # type: ignore[arg-type]
    ],
)
def test_a_history_of_another_kind_is_the_targets_mistake(
    history: list[Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Plain, "history", lambda self: history)
    assert message in _driver(_Plain()).answer({"do": "history"})["error"]


def test_an_open_that_returns_no_session_says_so() -> None:
    class Forgetful:
        def open(self, *_: Any) -> None: ...

    order = {"do": "open", "session_id": "s", "settings": {}, "tools": {}}
    answer = Driver(Forgetful(), "/x").answer(order)
    assert (
        "open() returns a session with send, history and close, got a NoneType" in answer["error"]
    )


def test_even_an_interrupt_of_the_target_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Any, message_id: str, text: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(_Plain, "send", interrupt)
    answer = _driver(_Plain()).answer({"do": "send", "message_id": "m", "text": "hi"})
    assert answer["error"].startswith("KeyboardInterrupt")


def test_what_is_pinned_is_sent_by_its_own_method() -> None:
    class Pinning(_Plain):
        def send_pinned(self, message_id: str, text: str) -> str:
            return f"pinned {text}"

    driver = _driver(Pinning())
    opened = driver.answer({"do": "open", "session_id": "s", "settings": {}, "tools": {}})
    assert "pins" in opened["value"]["capabilities"]
    said = {"do": "send", "message_id": "m1", "text": "hi"}
    assert driver.answer({**said, "pin": True}) == {"value": "pinned hi"}
    assert driver.answer(said) == {"value": "you said hi"}


def test_what_a_send_read_is_told_and_not_what_came_before() -> None:
    read = iter([500, 500 + 70])
    driver = Driver(_Target(_Plain()), "/nowhere", read_so_far=lambda: next(read))
    driver.answer({"do": "open", "session_id": "s", "settings": {}, "tools": {}})
    assert driver.answer({"do": "send", "message_id": "m", "text": "hello"})["value"]
    assert driver.answer({"do": "read_bytes"}) == {"value": 70}


def test_what_was_closed_is_not_closed_again_when_it_is_let_go() -> None:
    closed: list[str] = []

    class Closing(_Plain):
        def close(self) -> None:
            closed.append("closed")

    driver = Driver(_Target(Closing()), "/nowhere")
    driver.let_go()
    driver.answer({"do": "open", "session_id": "s", "settings": {}, "tools": {}})
    driver.let_go()
    driver.let_go()
    assert closed == ["closed"]
