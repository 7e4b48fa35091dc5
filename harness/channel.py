"""One line between two processes: length-prefixed JSON over a Unix socket, bytes and descriptors
beside it.

The runner, the fork server and each life speak over it. Standard library only, so that a life can
run under another interpreter. A message is `<length> <JSON>`; one with bytes under the key `body`
is `<length, top bit set> <length of the body> <JSON without it> <body>`, so that what is large is
never escaped. Few bytes may travel as text through `surrogateescape`: see `to_text`.
"""

from __future__ import annotations

import array
import json
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_LENGTH = struct.Struct("<I")
_LENGTHS = struct.Struct("<II")
_WITH_BODY = 1 << 31
# What malloc hands out without asking the kernel: a larger buffer costs more than it receives.
_CHUNK = 1 << 16
_CHUNK_MAX = 1 << 20
_RIGHTS_SPACE = socket.CMSG_SPACE(16 * array.array("i").itemsize)
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


class Hangup(Exception):
    """The other side is gone."""


def to_text(data: bytes) -> str:
    """Bytes as text that `to_bytes` turns back, byte for byte."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """The bytes that `to_text` was given."""
    return text.encode("utf-8", "surrogateescape")


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


class Channel:
    """One end. Blocking unless `receive_now` is used; not safe between threads by itself."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._buffer = bytearray()
        self._missing = 0
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        """The descriptor, for a poll."""
        return self.end.fileno()

    def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send one message whole; Hangup where nobody listens."""
        data = _packed(message)
        try:
            if descriptors:
                # The first byte carries the descriptors; the rest may need several writes.
                rights = array.array("i", descriptors)
                sent = self.end.sendmsg(
                    [data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights.tobytes())]
                )
                data = data[sent:]
            self.end.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Hangup from error

    def receive(self) -> dict[str, Any]:
        """Wait for one message; Hangup at the end of the stream."""
        while (message := self._take()) is None:
            if not self._fill(0):
                raise Hangup
        return message

    def receive_now(self) -> dict[str, Any] | None:
        """One message if a whole one is there, else None; Hangup at the end of the stream."""
        message = self._take()
        while message is None:
            try:
                if not self._fill(socket.MSG_DONTWAIT):
                    raise Hangup
            except BlockingIOError:
                return None
            message = self._take()
        return message

    def take_descriptors(self) -> list[int]:
        """The descriptors received so far; the caller owns them now."""
        taken, self._descriptors = self._descriptors, []
        return taken

    def close(self) -> None:
        """Hang up."""
        for descriptor in self.take_descriptors():
            socket.close(descriptor)
        self.end.close()

    def _fill(self, flags: int) -> bool:
        try:
            data, ancillary, _flags, _address = self.end.recvmsg(
                min(max(_CHUNK, self._missing), _CHUNK_MAX), _RIGHTS_SPACE, flags
            )
        except ConnectionResetError:
            return False
        for level, kind, rights_data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                rights = array.array("i")
                rights.frombytes(
                    rights_data[: len(rights_data) - len(rights_data) % rights.itemsize]
                )
                self._descriptors.extend(rights)
        self._buffer += data
        return bool(data)

    def _take(self) -> dict[str, Any] | None:
        buffer = self._buffer
        if len(buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(buffer)
        start, extra = _LENGTH.size, None
        if length & _WITH_BODY:
            if len(buffer) < _LENGTHS.size:
                return None
            length ^= _WITH_BODY
            start, extra = _LENGTHS.size, _LENGTHS.unpack_from(buffer)[1]
        middle = start + length
        end = middle + (extra or 0)
        self._missing = max(0, end - len(buffer))
        if self._missing:
            return None
        message: dict[str, Any] = _decode(buffer[start:middle].decode("ascii"))
        if extra is not None:
            message["body"] = bytes(buffer[middle:end])
        del buffer[:end]
        return message


def _packed(message: Mapping[str, Any]) -> bytes:
    body = message.get("body")
    if not isinstance(body, bytes):
        text = _encode(message).encode("ascii")
        return _LENGTH.pack(len(text)) + text
    text = _encode({key: value for key, value in message.items() if key != "body"}).encode("ascii")
    return _LENGTHS.pack(len(text) | _WITH_BODY, len(body)) + text + body
