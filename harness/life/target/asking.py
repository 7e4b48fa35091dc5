"""Asking the model for the plain loop: with the SDK where it is installed, and bare where not.

Bare means straight over the bridge, without any library: so a store can be judged under an
interpreter that has nothing but the standard library. Both try again twice when the API is busy or
the connection breaks; what is refused as too long for the model is a TooLong either way, and an
answer that was cut off is asked for again with more room.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from harness.doors.play import Playing
from harness.doors.reply import DoorClock, Handle

Content = list[dict[str, Any]]
Said = tuple[Content, str | None]
Ask = Callable[[Mapping[str, Any]], Content]
RETRIES = 2
_ROOM_MAX = 8_192
_BUSY = (408, 409, 429)
_TOO_LONG = "prompt is too long"
_HEADERS = {
    "anthropic-version": "2023-06-01",
    "content-type": "application/json",
    "x-api-key": "sk-ant-mock",
}
_READ_S = 600.0
_FIRST_DELAY_S = 0.5


class TooLong(Exception):
    """The conversation is too long for the model's window."""


class Refused(Exception):
    """The API answered with an error: the message has its status and its words."""


class BrokenOff(Exception):
    """The connection broke, or nothing came."""


class _Errors:
    """The errors that a door raises, for a client without a library."""

    ConnectError = ConnectTimeout = ReadError = ReadTimeout = RemoteProtocolError = BrokenOff


def asker(handle: Handle, clock: DoorClock, *, caught: bool = True) -> Ask:
    """The SDK's way to ask, or the bare one where it is not installed or nobody catches it.

    The client is made when it is first needed: most states of a store are only opened and read.
    """
    if not caught:
        return partial(_whole, Bare(handle, clock))
    try:
        import anthropic
    except ImportError:
        return partial(_whole, Bare(handle, clock))
    client = cache(partial(anthropic.Anthropic, max_retries=RETRIES))

    def say(request: Mapping[str, Any]) -> Said:
        try:
            said = client().messages.create(**request)
        except anthropic.APIStatusError as error:
            if _is_too_long(error.status_code, str(error)):
                raise TooLong(str(error)) from error
            raise
        content = [block.model_dump(mode="json", exclude_none=True) for block in said.content]
        return content, said.stop_reason

    return partial(_whole, say)


def _whole(say: Callable[[Mapping[str, Any]], Said], request: Mapping[str, Any]) -> Content:
    """The answer, asked for with more room while it is cut off; at the last, what there is."""
    content, stop_reason = say(request)
    while stop_reason == "max_tokens" and request["max_tokens"] < _ROOM_MAX:
        request = {**request, "max_tokens": request["max_tokens"] * 4}
        content, stop_reason = say(request)
    return content


class Bare:
    """One request at a time, over the bridge."""

    def __init__(self, handle: Handle, clock: DoorClock) -> None:
        self._handle = handle
        self._clock = clock

    def __call__(self, request: Mapping[str, Any]) -> Said:
        """Content and stop reason; Refused or BrokenOff once the retries are used up."""
        body = json.dumps(request).encode()
        for left in reversed(range(RETRIES + 1)):
            try:
                return self._once(body)
            except (_Busy, BrokenOff) as error:
                if not left:
                    raise
                waits_s = getattr(error, "waits_s", None)
                delay_s = _FIRST_DELAY_S * 2 ** (RETRIES - left) if waits_s is None else waits_s
                self._clock.sleep_ns(int(delay_s * 1e9))
        raise AssertionError("the last try returns or raises")

    def _once(self, body: bytes) -> Said:
        answer = self._handle("POST", "/v1/messages", _HEADERS, body)
        playing = Playing(answer, self._clock, _Errors, {"read": _READ_S, "connect": _READ_S})
        reply = playing.begin()
        data = b"".join(playing.body(reply))
        if reply.status == 200:
            message = json.loads(data)
            return message["content"], message["stop_reason"]
        told = f"Error code: {reply.status} - {data.decode('utf-8', 'replace')}"
        if _is_too_long(reply.status, told):
            raise TooLong(told)
        if reply.status in _BUSY or reply.status >= 500:
            waits = reply.headers.get("retry-after")
            raise _Busy(told, None if waits is None else float(waits))
        raise Refused(told)


class _Busy(Refused):
    """The API may answer later, after `waits_s` seconds where it says so."""

    def __init__(self, message: str, waits_s: float | None) -> None:
        super().__init__(message)
        self.waits_s = waits_s


def _is_too_long(status: int, told: str) -> bool:
    return status == 413 or (status == 400 and _TOO_LONG in told)
