"""The loopback server: the model behind a real socket, for other processes and other languages.

Raw asyncio, because a web framework can neither reset a connection nor cut a chunk in the middle.
It listens on 127.0.0.1 and nowhere else. A client may send junk, dawdle or hang up: it gets an
answer or a closed connection, and the next client gets its own. What a socket cannot do from this
side (refuse or never finish the connection itself) becomes a reset, and silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping

from pydantic_core import to_json

from harness.doors.http1 import HEAD_BYTES_MAX, Asked, BadRequest, head_of, read_request
from harness.doors.reply import DoorClock, Handle, NoReply, Reply

HOST = "127.0.0.1"
CONNECTIONS_MAX = 256
PATIENCE_SECONDS = 60.0
"""How long a client may take to send a request."""
LINGER_SECONDS = 1.0
"""How long a client whose request was no request is listened to, after it was told."""
Pages = Mapping[str, Callable[[], bytes]]
"""Further JSON pages by path: what `harness serve` shows of the ledger."""


class LoopbackServer:
    """A model on a port of this machine; start it inside a running event loop."""

    def __init__(
        self,
        handle: Handle,
        clock: DoorClock,
        *,
        pages: Pages | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        self._handle = handle
        self._clock = clock
        self._pages = pages or {}
        self._patience = patience_seconds
        self._connections_max = connections_max
        self._tasks: dict[asyncio.Task[None], socket.socket] = {}
        self._listener: socket.socket | None = None

    async def start(self, port: int = 0) -> str:
        """Listen on a port (0: any that is free) and return the URL. OSError if it is taken."""
        # Without IPPROTO_TCP asyncio leaves Nagle's algorithm on: 44 ms a call.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, port))
            listener.listen(self._connections_max)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)
        return f"http://{HOST}:{listener.getsockname()[1]}"

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
        open_still = dict(self._tasks)
        for task in open_still:
            task.cancel()
        await asyncio.gather(*open_still, return_exceptions=True)
        # A task cancelled before its first step never had its connection in hand.
        for connection in open_still.values():
            connection.close()
        # An aborted transport lets go of its socket in the loop's next turn.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._tasks)

    def _accept(self, listener: socket.socket) -> None:
        # Not asyncio.start_server nor sock_accept: both lose a connection that is accepted while
        # they are being stopped.
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        if len(self._tasks) >= self._connections_max:
            connection.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(connection))
        self._tasks[task] = connection
        task.add_done_callback(self._tasks.pop)

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=HEAD_BYTES_MAX)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection)
        except BaseException:
            connection.close()
            raise
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            await self._talk(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    asked = await read_request(reader, writer)
            except TimeoutError:
                return
            except BadRequest as error:
                await _apologise(error, reader, writer)
                return
            if asked is None or not await self._answer(asked, reader, writer):
                return

    async def _answer(
        self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection may be used again."""
        page = self._pages.get(asked.target) if asked.method == "GET" else None
        if page is not None:
            writer.write(_whole(200, page()))
            await writer.drain()
            return asked.keep_alive
        answer = self._handle(asked.method, asked.target, asked.headers, asked.body)
        if isinstance(answer, NoReply):
            await self._stay_silent(answer, reader, writer)
            return False
        return await self._reply(answer, asked, reader, writer)

    async def _stay_silent(
        self, answer: NoReply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self._clock.asleep_ns(answer.delay_ns)
        if answer.kind in ("hang", "connect_timeout"):
            await _until_closed(reader)
        else:
            _reset(writer)

    async def _reply(
        self,
        reply: Reply,
        asked: Asked,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        sized = "content-length" in reply.headers
        chunked = not sized and asked.chunked
        headers = dict(reply.headers)
        if chunked:
            headers["transfer-encoding"] = "chunked"
        if not asked.keep_alive or not (sized or chunked):
            headers["connection"] = "close"
        last = len(reply.frames) - 1
        for number, frame in enumerate(reply.frames):
            if frame.delay_ns:
                await writer.drain()
                await self._clock.asleep_ns(frame.delay_ns)
            if number == 0:
                if reply.gate is not None:
                    reply.gate("reply.started")
                writer.write(head_of(reply.status, headers))
            if number == last and reply.end == "ok" and reply.gate is not None:
                reply.gate("reply.received")
            if frame.data:
                writer.write(_chunk(frame.data) if chunked else frame.data)
        await writer.drain()
        return await self._end(reply, chunked, reader, writer) and (
            asked.keep_alive and (sized or chunked)
        )

    async def _end(
        self,
        reply: Reply,
        chunked: bool,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        if reply.end == "reset":
            _reset(writer)
        elif reply.end == "hang":
            await _until_closed(reader)
        elif reply.end == "cut" and chunked:
            writer.write(b"40\r\nhalf of a")
            await writer.drain()
        elif chunked:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            return True
        return reply.end == "ok"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _whole(status: int, data: bytes, **headers: str) -> bytes:
    fields = {"content-type": "application/json", "content-length": str(len(data)), **headers}
    return head_of(status, fields) + data


def _apology(error: BadRequest) -> bytes:
    kind = "request_too_large" if error.status == 413 else "invalid_request_error"
    body = {"type": "error", "error": {"type": kind, "message": str(error)}, "request_id": None}
    return _whole(error.status, to_json(body), connection="close")


async def _apologise(
    error: BadRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Say what is wrong, and listen a little longer: to close on unread bytes would be a reset,
    and the client would never see the answer."""
    writer.write(_apology(error))
    await writer.drain()
    writer.write_eof()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            await _until_closed(reader)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a TCP reset: a linger of zero seconds throws the connection away."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _until_closed(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


@contextlib.contextmanager
def open_server(
    handle: Handle, clock: DoorClock, *, port: int = 0, pages: Pages | None = None
) -> Iterator[str]:
    """A server in a thread of its own; its URL. `handle` is called in that thread.

    At the end the port, every connection and the thread are gone.
    """
    ready: list[str | OSError] = []
    started = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        server = LoopbackServer(handle, clock, pages=pages)
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        try:
            ready.append(await server.start(port))
        except OSError as error:
            ready.append(error)
            return
        finally:
            started.set()
        await stop.wait()
        await server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="loopback server")
    thread.start()
    started.wait()
    try:
        if isinstance(ready[0], OSError):
            raise ready[0]
        yield ready[0]
    finally:
        loop, stop = loops[0]
        if thread.is_alive():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stop.set)
        thread.join()
