"""The transport door: a model in the place of httpx2's own transport, for clients made by hand.

`anthropic.Anthropic(http_client=anthropic.DefaultHttpxClient(transport=DoorTransport(...)))`. The
fastest door: no sockets, no routers; any host is the model's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2

from harness.doors.play import Playing, timeout_of
from harness.doors.reply import DoorClock, Handle, Reply


class _Body(httpx2.SyncByteStream):
    def __init__(self, playing: Playing, reply: Reply) -> None:
        self._playing = playing
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        return self._playing.body(self._reply)


class _AsyncBody(httpx2.AsyncByteStream):
    def __init__(self, playing: Playing, reply: Reply) -> None:
        self._playing = playing
        self._reply = reply

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._playing.abody(self._reply)


class DoorTransport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A transport that asks `handle`; sync and async. Errors are httpx2's."""

    def __init__(self, handle: Handle, clock: DoorClock) -> None:
        self._handle = handle
        self._clock = clock

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request, playing its delays on the clock."""
        playing = self._ask(request, request.read())
        reply = playing.begin()
        return _response(reply, _Body(playing, reply))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The same on the event loop."""
        playing = self._ask(request, await request.aread())
        reply = await playing.abegin()
        return _response(reply, _AsyncBody(playing, reply))

    def _ask(self, request: httpx2.Request, body: bytes) -> Playing:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in request.headers.raw
        }
        path = request.url.raw_path.decode("ascii")
        answer = self._handle(request.method, path, headers, body)
        return Playing(answer, self._clock, httpx2, timeout_of(request.extensions))


def _response(reply: Reply, body: _Body | _AsyncBody) -> httpx2.Response:
    return httpx2.Response(reply.status, headers=dict(reply.headers), stream=body)
