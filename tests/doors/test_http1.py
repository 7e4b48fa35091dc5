"""A request's head and body are read within bounds; what is none is told so."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.doors import http1
from harness.doors.http1 import Asked, BadRequest, head_of, parse_head, read_request


class Writer:
    """Collects what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        """Collect."""
        self.data += data


def read(data: bytes, writer: Writer | None = None) -> Asked | None:
    """The request in these bytes, after which the client closes."""

    async def run() -> Asked | None:
        reader = asyncio.StreamReader(limit=http1.HEAD_BYTES_MAX)
        reader.feed_data(data)
        reader.feed_eof()
        return await read_request(reader, writer or Writer())  # type: ignore[arg-type]

    return asyncio.run(run())


POST = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n"


def test_a_request_is_read_whole() -> None:
    asked = read(POST + b"Content-Length: 2\r\nX-Api-Key:  k \r\n\r\n{}")
    assert asked == Asked(
        "POST",
        "/v1/messages",
        {"host": "x", "content-length": "2", "x-api-key": "k"},
        b"{}",
        True,
        True,
    )


def test_a_chunked_body_is_put_together() -> None:
    asked = read(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n")
    assert asked is not None
    assert asked.body == b"{}"


def test_a_client_that_closes_between_requests_asks_nothing() -> None:
    assert read(b"") is None


def test_an_old_client_gets_no_chunks_and_one_answer() -> None:
    asked = read(b"GET / HTTP/1.0\r\n\r\n")
    assert asked is not None
    assert (asked.keep_alive, asked.chunked) == (False, False)


def test_a_client_that_waits_for_leave_to_send_is_given_it() -> None:
    writer = Writer()
    asked = read(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", writer)
    assert asked is not None
    assert writer.data == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"G\x00T / HTTP/1.1\r\n\r\n", 400),
        (b"GET http://x/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (POST + b"no colon\r\n\r\n", 400),
        (POST + b"x y: z\r\n\r\n", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: 9\r\n\r\nshort", 400),
        (POST + b"Content-Length: 99999999999999\r\n\r\n", 413),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
        (POST, 400),
        (POST + b"X: y\r\n" * 300 + b"\r\n", 431),
        (POST + b"X: " + b"y" * 100_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_is_told_so_with_a_status(data: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as caught:
        read(data)
    assert caught.value.status == status


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_told_not_to_be(data: bytes) -> None:
    status = 0
    asked = None
    try:
        asked = read(data)
    except BadRequest as error:
        status = error.status
    assert status == 0 or 400 <= status < 600
    assert asked is None or asked.target.startswith("/")


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=200))
def test_any_head_is_parsed_or_told_not_to_be(text: str) -> None:
    try:
        method, _target, version, headers = parse_head(text.encode("latin-1") + b"\r\n\r\n")
    except BadRequest:
        return
    assert method
    assert version.startswith("HTTP/1.")
    assert all(name == name.lower() for name in headers)


def test_of_a_monstrous_body_only_the_beginning_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "PIECE_BYTES", 10)
    monkeypatch.setattr(http1, "BODY_BYTES_KEPT", 30)
    asked = read(POST + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000)
    assert asked is not None
    assert len(asked.body) == 40


def test_every_status_has_a_reason() -> None:
    assert head_of(529, {}) == b"HTTP/1.1 529 Overloaded\r\n\r\n"
    assert head_of(200, {"a": "b"}) == b"HTTP/1.1 200 OK\r\na: b\r\n\r\n"
    assert head_of(799, {}).startswith(b"HTTP/1.1 799 ")
