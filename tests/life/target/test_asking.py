"""Asking the model with the SDK and without: the same content, the same patience, one TooLong."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from harness.doors.reply import Frame, NoReply, Reply
from harness.doors.respx_door import open_door
from harness.life.target.asking import RETRIES, BrokenOff, Refused, TooLong, asker

REQUEST = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "?"}],
}
SAID = [{"type": "text", "text": "yes"}]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "content": SAID,
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def _reply(status: int, body: Any, **headers: str) -> Reply:
    head = {"content-type": "application/json", "request-id": "req_1", **headers}
    return Reply(status, head, (Frame(7, json.dumps(body).encode()),))


def _error(status: int, message: str = "no", **headers: str) -> Reply:
    body = {"type": "error", "error": {"type": "some_error", "message": message}}
    return _reply(status, body, **headers)


class _World:
    """Answers in turn, and counts the time that passes."""

    def __init__(self, *answers: Reply | NoReply) -> None:
        self.answers = list(answers)
        self.slept_ns: list[int] = []
        self.asked: list[tuple[str, str, Any]] = []

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | NoReply:
        assert headers["anthropic-version"]
        self.asked.append((method, path, json.loads(body)))
        return self.answers.pop(0)

    def sleep_ns(self, delay_ns: int) -> None:
        self.slept_ns.append(delay_ns)

    async def asleep_ns(self, delay_ns: int) -> None:
        self.slept_ns.append(delay_ns)

    def ask(self, way: str, monkeypatch: pytest.MonkeyPatch) -> Any:
        if way == "bare":
            monkeypatch.setitem(sys.modules, "anthropic", None)
            return asker(self.handle, self)(REQUEST)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-mock")
        monkeypatch.setattr("time.sleep", lambda seconds: self.sleep_ns(int(seconds * 1e9)))
        with open_door(self.handle, self):
            return asker(self.handle, self)(REQUEST)


WAYS = pytest.mark.parametrize("way", ["sdk", "bare"])


@WAYS
def test_the_content_comes_back_as_plain_data(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = _World(_reply(200, MESSAGE))
    assert world.ask(way, monkeypatch) == SAID
    assert world.asked == [("POST", "/v1/messages", REQUEST)]
    assert 7 in world.slept_ns


@WAYS
@pytest.mark.parametrize("first", [_error(529), _error(429), NoReply("reset")])
def test_what_is_busy_or_broken_is_asked_again(
    way: str, first: Reply | NoReply, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = _World(first, _reply(200, MESSAGE))
    assert world.ask(way, monkeypatch) == SAID
    assert len(world.asked) == 2


@WAYS
def test_the_api_says_how_long_to_wait(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = _World(_error(429, **{"retry-after": "7"}), _reply(200, MESSAGE))
    assert world.ask(way, monkeypatch) == SAID
    assert 7_000_000_000 in world.slept_ns


@WAYS
@pytest.mark.parametrize(("status", "tries"), [(529, RETRIES + 1), (401, 1), (400, 1)])
def test_an_error_that_stays_reaches_the_caller_with_its_words(
    way: str, status: int, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = _World(*[_error(status, "so it is")] * tries)
    with pytest.raises(Exception, match=f"{status}.*so it is") as raised:
        world.ask(way, monkeypatch)
    assert len(world.asked) == tries
    assert way == "sdk" or isinstance(raised.value, Refused)


@WAYS
@pytest.mark.parametrize(
    "refusal", [_error(413), _error(400, "prompt is too long: 9000 tokens > 8000 maximum")]
)
def test_too_long_is_told_apart(way: str, refusal: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLong):
        _World(refusal).ask(way, monkeypatch)


def test_a_connection_that_stays_broken_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = _World(*[NoReply("connect_error")] * (RETRIES + 1))
    with pytest.raises(BrokenOff):
        world.ask("bare", monkeypatch)


@WAYS
def test_an_answer_that_was_cut_off_is_asked_for_with_more_room(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = {**MESSAGE, "content": [{"type": "text", "text": "y"}], "stop_reason": "max_tokens"}
    world = _World(_reply(200, cut), _reply(200, MESSAGE))
    assert world.ask(way, monkeypatch) == SAID
    assert [request["max_tokens"] for _, _, request in world.asked] == [9, 36]


def test_an_answer_that_is_always_cut_off_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut = {**MESSAGE, "stop_reason": "max_tokens"}
    world = _World(*[_reply(200, cut)] * 9)
    assert world.ask("bare", monkeypatch) == SAID
    assert len(world.asked) < 9
