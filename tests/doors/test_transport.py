"""The transport door: gates, broken chunks, and what reaches the model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx2
import pytest

from harness.doors.reply import End, Frame, NoReply, Reply
from harness.doors.transport import DoorTransport

URL = "https://api.anthropic.com/v1/messages?beta=true"


class Clock:
    """Counts the time that passes."""

    now_ns = 0

    def sleep_ns(self, delay_ns: int) -> None:
        """Pass."""
        self.now_ns += delay_ns

    async def asleep_ns(self, delay_ns: int) -> None:
        """Pass."""
        self.now_ns += delay_ns


class Killed(BaseException):
    """A process that dies."""


def ask(reply: Reply | NoReply, kind: str = "sync", read: float | None = 10.0) -> bytes:
    """The body that a plain client gets."""
    transport = DoorTransport(lambda *_request: reply, Clock())
    timeout = httpx2.Timeout(None, read=read, connect=1.0)
    if kind == "sync":
        with httpx2.Client(transport=transport, timeout=timeout) as client:
            return client.post(URL, content=b"{}").content

    async def run() -> bytes:
        async with httpx2.AsyncClient(transport=transport, timeout=timeout) as client:
            return (await client.post(URL, content=b"{}")).content

    return asyncio.run(run())


def framed(end: End, *data: bytes, **headers: str) -> Reply:
    """A reply of these frames, a second apart."""
    frames = tuple(Frame(1_000_000_000, piece) for piece in data)
    return Reply(200, {key.replace("_", "-"): value for key, value in headers.items()}, frames, end)


def test_the_model_sees_the_request_as_it_was_sent() -> None:
    seen: list[tuple[str, str, Mapping[str, str], bytes]] = []

    def handle(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        seen.append((method, path, headers, body))
        return framed("ok", b"x")

    with httpx2.Client(transport=DoorTransport(handle, Clock())) as client:
        client.post(URL, content=b"{}", headers={"X-Api-Key": "k"})
    method, path, headers, body = seen[0]
    assert (method, path, body) == ("POST", "/v1/messages?beta=true", b"{}")
    assert headers["x-api-key"] == "k"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_gate_opens_before_the_first_byte_and_before_the_last_frame(kind: str) -> None:
    clock = Clock()
    heard: list[tuple[str, int]] = []
    reply = Reply(
        200,
        {},
        tuple(Frame(1_000, b"x") for _ in range(3)),
        gate=lambda boundary: heard.append((boundary, clock.now_ns)),
    )
    transport = DoorTransport(lambda *_request: reply, clock)
    pieces: list[int] = []

    def read() -> None:
        with (
            httpx2.Client(transport=transport) as client,
            client.stream("POST", URL) as response,
        ):
            heard.append(("head", clock.now_ns))
            pieces.extend(clock.now_ns for _ in response.iter_raw())

    async def aread() -> None:
        async with (
            httpx2.AsyncClient(transport=transport) as client,
            client.stream("POST", URL) as response,
        ):
            heard.append(("head", clock.now_ns))
            pieces.extend([clock.now_ns async for _ in response.aiter_raw()])

    read() if kind == "sync" else asyncio.run(aread())
    assert heard == [("reply.started", 1000), ("head", 1000), ("reply.received", 3000)]
    assert pieces == [1000, 2000, 3000]


def test_a_body_that_does_not_end_well_is_never_received() -> None:
    heard: list[str] = []
    reply = Reply(200, {}, (Frame(0, b"x"),), "reset", gate=heard.append)
    with pytest.raises(httpx2.ReadError):
        ask(reply)
    assert heard == ["reply.started"]


@pytest.mark.parametrize(
    ("boundary", "handed"), [("reply.started", []), ("reply.received", [b"first"])]
)
def test_a_death_at_the_gate_hands_nothing_more_on(boundary: str, handed: list[bytes]) -> None:
    def gate(reached: str) -> None:
        if reached == boundary:
            raise Killed

    got: list[bytes] = []
    reply = Reply(200, {}, (Frame(0, b"first"), Frame(0, b"last")), gate=gate)
    transport = DoorTransport(lambda *_request: reply, Clock())

    def read() -> None:
        with (
            httpx2.Client(transport=transport) as client,
            client.stream("POST", URL) as response,
        ):
            got.extend(response.iter_raw())

    with pytest.raises(Killed):
        read()
    assert got == handed


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (framed("reset", b"x"), httpx2.ReadError),
        (framed("cut", b"x"), httpx2.RemoteProtocolError),
        (framed("hang", b"x"), httpx2.ReadTimeout),
        (framed("eof", b"x", content_length="9"), httpx2.RemoteProtocolError),
        (NoReply("connect_error"), httpx2.ConnectError),
        (NoReply("connect_timeout"), httpx2.ConnectTimeout),
        (NoReply("reset"), httpx2.ReadError),
        (NoReply("hang"), httpx2.ReadTimeout),
    ],
)
def test_each_end_raises_what_a_socket_would(
    reply: Reply | NoReply, error: type[Exception], kind: str
) -> None:
    with pytest.raises(error) as caught:
        ask(reply, kind)
    assert type(caught.value) is error


def test_a_clean_close_without_a_length_is_no_error() -> None:
    assert ask(framed("eof", b"half")) == b"half"


def test_a_gap_longer_than_the_read_timeout_strikes_at_the_timeout() -> None:
    clock = Clock()
    reply = Reply(200, {}, (Frame(0, b"x"), Frame(60_000_000_000, b"y")))
    transport = DoorTransport(lambda *_request: reply, clock)
    with (
        httpx2.Client(transport=transport, timeout=2.0) as client,
        pytest.raises(httpx2.ReadTimeout),
    ):
        client.post(URL)
    assert clock.now_ns == 2_000_000_000


def test_without_a_timeout_silence_goes_on_until_the_clock_has_had_enough() -> None:
    class Enough(BaseException):
        pass

    class Bounded(Clock):
        def sleep_ns(self, delay_ns: int) -> None:
            super().sleep_ns(delay_ns)
            if self.now_ns > 10 * 3_600_000_000_000:
                raise Enough

    transport = DoorTransport(lambda *_request: NoReply("hang"), Bounded())
    with httpx2.Client(transport=transport, timeout=None) as client, pytest.raises(Enough):
        client.post(URL)
