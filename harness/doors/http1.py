"""HTTP/1.1 as far as a loopback server needs it: reading a request, wording a response head.

Everything a client may send is bounded: the head by its size, the body by what is kept of it, both
by how long they may take. What is not HTTP is a BadRequest with the status to answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

HEAD_BYTES_MAX = 65_536
HEADERS_MAX = 200
BODY_BYTES_KEPT = 40 * 1024 * 1024
BODY_BYTES_READ = 512 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class BadRequest(ValueError):
    """What came is no request: `status` is what to answer before closing."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Asked(NamedTuple):
    """A request as it came in. Header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool
    chunked: bool
    """Whether the client reads a chunked response (HTTP/1.1 and up)."""


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Asked | None:
    """The next request; None where the client has closed. BadRequest where it is none."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BadRequest("the request ends before its head does") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest(f"the head is over {HEAD_BYTES_MAX} bytes", 431) from error
    method, target, version, headers = parse_head(head)
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await _body(reader, headers)
    newer = version != "HTTP/1.0"
    wish = headers.get("connection", "keep-alive" if newer else "close").lower()
    return Asked(method, target, headers, body, wish != "close", newer)


def parse_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    """Method, target, version and headers of a request's head, its empty line included."""
    lines = head.decode("latin-1").split("\r\n")[:-2]
    words = lines[0].split(" ") if lines else []
    if len(words) != 3 or not words[0] or not _TOKEN.issuperset(words[0]):
        raise BadRequest("the first line is not METHOD TARGET VERSION")
    method, target, version = words
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest("this server speaks HTTP/1.1", 505)
    if not target.startswith("/") or not target.isascii() or not target.isprintable():
        raise BadRequest("the target is not a path")
    if len(lines) - 1 > HEADERS_MAX:
        raise BadRequest(f"there are more than {HEADERS_MAX} headers", 431)
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or not _TOKEN.issuperset(name):
            raise BadRequest("a header is not NAME: VALUE")
        headers[name.lower()] = value.strip()
    return method, target, version, headers


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    encoding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    try:
        if encoding is not None:
            if encoding.lower() != "chunked" or length is not None:
                raise BadRequest("the body is framed in a way that this server does not read", 501)
            return await _chunks(reader)
        if length is None:
            return b""
        if not (length.isascii() and length.isdigit()) or len(length) > 18:
            raise BadRequest("content-length is not a number")
        return await _exactly(reader, int(length))
    except asyncio.IncompleteReadError as error:
        raise BadRequest("the body ends before it should") from error
    except asyncio.LimitOverrunError as error:
        raise BadRequest("a chunk has no end to its first line") from error


async def _exactly(reader: asyncio.StreamReader, length: int) -> bytes:
    """The body; of a monstrous one only the beginning is kept, which is too large all the same."""
    if length > BODY_BYTES_READ:
        raise BadRequest("the body is too large to be read", 413)
    if length <= PIECE_BYTES:
        return await reader.readexactly(length)
    kept = bytearray()
    left = length
    while left:
        piece = await reader.readexactly(min(left, PIECE_BYTES))
        left -= len(piece)
        if len(kept) <= BODY_BYTES_KEPT:
            kept += piece
    return bytes(kept)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    kept = bytearray()
    total = 0
    while True:
        size = (await reader.readuntil(b"\r\n")).split(b";")[0].strip()
        try:
            length = int(size, 16) if len(size) <= 8 and size.isalnum() else -1
        except ValueError:
            length = -1
        if length < 0:
            raise BadRequest("a chunk does not say how long it is")
        if length == 0:
            while (await reader.readuntil(b"\r\n")) != b"\r\n":
                pass
            return bytes(kept)
        total += length
        if total > BODY_BYTES_READ:
            raise BadRequest("the body is too large to be read", 413)
        piece = await _exactly(reader, length)
        if len(kept) <= BODY_BYTES_KEPT:
            kept += piece
        if await reader.readexactly(2) != b"\r\n":
            raise BadRequest("a chunk is longer than it says")


def head_of(status: int, headers: Mapping[str, str]) -> bytes:
    """The head of a response."""
    lines = [f"HTTP/1.1 {status} {_reason(status)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _reason(status: int) -> str:
    if status == 529:
        return "Overloaded"
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
