"""Playing an answer to a client above the socket: its delays, its end, the client's own timeouts.

A mock above the socket bypasses the timeouts that a socket would have kept, so they are kept here:
`connect` and `read` of the request's `timeout` extension, in seconds, `read` for every gap between
two pieces of the body. Errors are those of the library whose place the door takes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Protocol

from harness.doors.reply import DoorClock, NoReply, Reply

SECOND_NS = 1_000_000_000
HOUR_NS = 3_600 * SECOND_NS
RESET = "[Errno 104] Connection reset by peer"
REFUSED = "[Errno 111] Connection refused"
READ_TIMED_OUT = "The read operation timed out"
CUT_CHUNK = "peer closed connection without sending complete message body (incomplete chunked read)"


class Library(Protocol):
    """The exceptions of httpx2, httpcore2 or httpcore (the module itself will do)."""

    @property
    def ConnectError(self) -> type[Exception]: ...
    @property
    def ConnectTimeout(self) -> type[Exception]: ...
    @property
    def ReadError(self) -> type[Exception]: ...
    @property
    def ReadTimeout(self) -> type[Exception]: ...
    @property
    def RemoteProtocolError(self) -> type[Exception]: ...


class _Step:
    """What to do next: wait, then perhaps raise, or hand on a piece."""

    __slots__ = ("data", "delay_ns", "error")

    def __init__(self, delay_ns: int, data: bytes = b"", error: Exception | None = None) -> None:
        self.delay_ns = delay_ns
        self.data = data
        self.error = error


class Playing:
    """One answer on its way through a door to one request with these `timeout` seconds."""

    def __init__(
        self,
        answer: Reply | NoReply,
        clock: DoorClock,
        library: Library,
        timeout: Mapping[str, float | None] | None,
    ) -> None:
        self._answer = answer
        self._clock = clock
        self._library = library
        timeout = timeout or {}
        read, connect = timeout.get("read"), timeout.get("connect")
        self._read_ns = None if read is None else int(read * SECOND_NS)
        self._connect_ns = None if connect is None else int(connect * SECOND_NS)

    def begin(self) -> Reply:
        """Wait for the head of the reply; the library's error where none comes."""
        for step in self._head():
            self._clock.sleep_ns(step.delay_ns)
            if step.error is not None:
                raise step.error
        return self._begun()

    async def abegin(self) -> Reply:
        """The same on the event loop."""
        for step in self._head():
            await self._clock.asleep_ns(step.delay_ns)
            if step.error is not None:
                raise step.error
        return self._begun()

    def body(self, reply: Reply) -> Iterator[bytes]:
        """The pieces of the body, each after its delay; the library's error where it breaks."""
        for step in self._pieces(reply):
            if step.delay_ns:
                self._clock.sleep_ns(step.delay_ns)
            if step.error is not None:
                raise step.error
            if step.data:
                yield step.data

    async def abody(self, reply: Reply) -> AsyncIterator[bytes]:
        """The same on the event loop."""
        for step in self._pieces(reply):
            if step.delay_ns:
                await self._clock.asleep_ns(step.delay_ns)
            if step.error is not None:
                raise step.error
            if step.data:
                yield step.data

    def _begun(self) -> Reply:
        reply = self._answer
        if not isinstance(reply, Reply):
            raise TypeError(f"a door was left waiting for {reply!r}: it never begins")
        if reply.gate is not None:
            reply.gate("reply.started")
        return reply

    def _head(self) -> Iterator[_Step]:
        answer = self._answer
        if isinstance(answer, Reply):
            yield self._waited(answer.frames[0].delay_ns if answer.frames else 0)
        elif answer.kind == "connect_error":
            yield _Step(answer.delay_ns, error=self._library.ConnectError(REFUSED))
        elif answer.kind == "connect_timeout":
            yield from _for_ever(self._connect_ns, self._library.ConnectTimeout("timed out"))
        elif answer.kind == "reset":
            yield self._waited(answer.delay_ns)
            yield _Step(0, error=self._library.ReadError(RESET))
        else:
            yield from _for_ever(self._read_ns, self._library.ReadTimeout(READ_TIMED_OUT))

    def _pieces(self, reply: Reply) -> Iterator[_Step]:
        gate = reply.gate if reply.end == "ok" else None
        last = len(reply.frames) - 1
        for number, frame in enumerate(reply.frames):
            step = self._waited(frame.delay_ns if number else 0)
            if gate is not None and number == last:
                yield step
                gate("reply.received")
                step = _Step(0)
            step.data = frame.data
            yield step
        yield from self._ending(reply)

    def _ending(self, reply: Reply) -> Iterator[_Step]:
        library = self._library
        if reply.end == "reset":
            yield _Step(0, error=library.ReadError(RESET))
        elif reply.end == "cut":
            yield _Step(0, error=library.RemoteProtocolError(CUT_CHUNK))
        elif reply.end == "hang":
            yield from _for_ever(self._read_ns, library.ReadTimeout(READ_TIMED_OUT))
        elif reply.end == "eof" and "content-length" in reply.headers:
            received = sum(len(frame.data) for frame in reply.frames)
            yield _Step(0, error=library.RemoteProtocolError(_short(received, reply.headers)))

    def _waited(self, delay_ns: int) -> _Step:
        if self._read_ns is not None and delay_ns > self._read_ns:
            return _Step(self._read_ns, error=self._library.ReadTimeout(READ_TIMED_OUT))
        return _Step(delay_ns)


def _for_ever(timeout_ns: int | None, error: Exception) -> Iterator[_Step]:
    """Silence, until the client has had enough; without a timeout, hour after hour."""
    if timeout_ns is not None:
        yield _Step(timeout_ns, error=error)
    while True:
        yield _Step(HOUR_NS)


def _short(received: int, headers: Mapping[str, str]) -> str:
    return (
        "peer closed connection without sending complete message body "
        f"(received {received} bytes, expected {headers['content-length']})"
    )


def timeout_of(extensions: Mapping[str, Any]) -> Mapping[str, float | None] | None:
    """The `timeout` extension of a request, in seconds by phase."""
    timeout: Mapping[str, float | None] | None = extensions.get("timeout")
    return timeout
