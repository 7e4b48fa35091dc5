"""The loopback server survives its clients: junk, floods, sloths and those that hang up."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping

import httpx2
import pytest

from harness.doors.reply import Frame, NoReply, Reply
from harness.doors.server import HOST, LoopbackServer, open_server
from harness.model.mock import MockModel
from harness.scenario.schema import Model

BODY = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
HEADERS = {"x-api-key": "test", "anthropic-version": "2026-10-21"}


class Clock:
    """No time passes."""

    def sleep_ns(self, delay_ns: int) -> None:
        """Pass."""

    async def asleep_ns(self, delay_ns: int) -> None:
        """Pass."""


class Behind:
    """A model behind a server, and its URL."""

    def __init__(self) -> None:
        self.model = MockModel(None, model=Model())
        self.url = ""

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | NoReply:
        """The model."""
        return self.model.handle(method, path, headers, body, 0)

    def ledger(self) -> bytes:
        """The ledger's ids, statuses and tokens."""
        rows = [[row.request_id, row.status, row.output_tokens] for row in self.model.ledger]
        return json.dumps(rows).encode()

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.url.rsplit(":", 1)[1])

    def post(self, **fields: object) -> httpx2.Response:
        """One good request."""
        return httpx2.post(
            f"{self.url}/v1/messages", json={**BODY, **fields}, headers=HEADERS, timeout=20.0
        )

    def raw(self, data: bytes) -> bytes:
        """What comes back for these bytes, until the server closes."""
        with socket.create_connection((HOST, self.port), timeout=20.0) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture
def behind() -> Iterator[Behind]:
    """A model behind a server; at the end no thread of it is left."""
    here = Behind()
    with open_server(here.handle, Clock(), pages={"/ledger": here.ledger}) as here.url:
        yield here
    assert not [one for one in threading.enumerate() if one.name == "loopback server"]


def test_it_listens_on_the_loopback_address_alone(behind: Behind) -> None:
    assert behind.url.startswith("http://127.0.0.1:")
    with socket.create_connection((HOST, behind.port), timeout=20.0) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"


def test_a_taken_port_is_an_error_at_once(behind: Behind) -> None:
    with (
        pytest.raises(OSError, match=r"in use"),
        open_server(behind.handle, Clock(), port=behind.port),
    ):
        pass


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x00\xff\x13junk\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"X-Flood: y\r\n" * 5000 + b"\r\n", 431),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: 100\r\n\r\n{", 400),
    ],
)
def test_junk_is_answered_as_an_api_error_and_the_next_client_is_served(
    data: bytes, status: int, behind: Behind
) -> None:
    answer = behind.raw(data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["type"] == "error"
    assert behind.post().status_code == 200


def test_a_body_of_33_mb_is_too_large(behind: Behind) -> None:
    refused = behind.post(system="x" * (33 * 1024 * 1024))
    assert refused.status_code == 413
    assert refused.json()["error"]["type"] == "request_too_large"
    assert behind.post().status_code == 200


def test_a_wrong_content_type_is_refused_by_the_model(behind: Behind) -> None:
    refused = httpx2.post(
        f"{behind.url}/v1/messages", content=b"<x/>", headers={**HEADERS, "content-type": "a/b"}
    )
    assert refused.status_code == 400
    assert behind.model.ledger[-1].rule == "content_type"


def test_a_connection_is_used_again(behind: Behind) -> None:
    with httpx2.Client(headers=HEADERS) as client:
        streams = {
            client.post(f"{behind.url}/v1/messages", json=BODY)
            .extensions["network_stream"]
            .get_extra_info("client_addr")
            for _ in range(3)
        }
    assert len(streams) == 1


def test_an_old_client_reads_a_stream_to_its_end(behind: Behind) -> None:
    body = json.dumps({**BODY, "stream": True}).encode()
    lines = [f"{name}: {value}" for name, value in HEADERS.items()]
    lines += ["content-type: application/json", f"content-length: {len(body)}"]
    head = "POST /v1/messages HTTP/1.0\r\n" + "\r\n".join(lines) + "\r\n\r\n"
    answer = behind.raw(head.encode() + body)
    assert b"transfer-encoding" not in answer
    assert answer.rstrip().endswith(b'data: {"type":"message_stop"}')


def test_a_client_that_hangs_up_in_the_middle_leaves_nothing_behind() -> None:
    async def run() -> None:
        gone = asyncio.Event()

        class Slow(Clock):
            async def asleep_ns(self, delay_ns: int) -> None:
                await gone.wait()

        frames = tuple(Frame(1, b"x" * 65_536) for _ in range(200))
        server = LoopbackServer(lambda *_request: Reply(200, {}, frames), Slow())
        url = await server.start()
        port = int(url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await writer.drain()
        while not server.connections:
            await asyncio.sleep(0)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        gone.set()
        async with asyncio.timeout(20):
            while server.connections:
                await asyncio.sleep(0)
        await server.stop()
        assert not await reader.read()

    asyncio.run(run())


def test_a_client_that_dawdles_is_closed_on() -> None:
    async def run() -> None:
        server = LoopbackServer(lambda *_request: NoReply("hang"), Clock(), patience_seconds=0.05)
        url = await server.start()
        reader, writer = await asyncio.open_connection(HOST, int(url.rsplit(":", 1)[1]))
        writer.write(b"POST /v1/messages HTTP/1.1\r\n")
        await writer.drain()
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()
        await server.stop()
        assert server.connections == 0

    asyncio.run(run())


def test_more_clients_than_there_is_room_for_are_turned_away() -> None:
    async def run() -> None:
        server = LoopbackServer(lambda *_request: NoReply("hang"), Clock(), connections_max=1)
        url = await server.start()
        port = int(url.rsplit(":", 1)[1])
        first = await asyncio.open_connection(HOST, port)
        while not server.connections:
            await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(HOST, port)
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()
        first[1].close()
        await server.stop()

    asyncio.run(run())


def test_a_cut_chunk_is_seen_as_one() -> None:
    reply = Reply(200, {}, (Frame(0, b"whole chunk"),), "cut")
    with (
        open_server(lambda *_request: reply, Clock()) as url,
        pytest.raises(httpx2.RemoteProtocolError, match="incomplete chunked read"),
    ):
        httpx2.get(url)


def test_the_gates_open_at_the_server_too() -> None:
    heard: list[str] = []
    reply = Reply(200, {}, (Frame(0, b"a"), Frame(0, b"b")), gate=heard.append)
    with open_server(lambda *_request: reply, Clock()) as url:
        assert httpx2.get(url).content == b"ab"
    assert heard == ["reply.started", "reply.received"]


CHILD = """
import json, sys, anthropic
client = anthropic.Anthropic(api_key="test", base_url=sys.argv[1])
ask = dict(model="claude-sonnet-5-5", max_tokens=100, messages=[{"role": "user", "content": "hi"}])
whole = client.messages.create(**ask)
with client.messages.stream(**ask) as stream:
    pieces = stream.get_final_message()
    second = stream.request_id
told = ((whole._request_id, whole), (second, pieces))
print(json.dumps([[id, 200, message.usage.output_tokens] for id, message in told]))
"""


def test_a_client_in_another_process_is_told_what_the_ledger_says(behind: Behind) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, behind.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == httpx2.get(f"{behind.url}/ledger").json()


def test_a_client_in_another_language_is_served(behind: Behind) -> None:
    curl = shutil.which("curl")
    assert curl is not None, "curl stands for a client in another language: install it"
    headers = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
    headers += ["-H", "content-type: application/json"]
    whole, pieces = (
        subprocess.run(
            [curl, "-sS", "-N", *headers, "-d", json.dumps(body), f"{behind.url}/v1/messages"],
            capture_output=True,
            timeout=60,
            check=True,
        ).stdout
        for body in (BODY, {**BODY, "stream": True})
    )
    assert json.loads(whole)["stop_reason"] == "end_turn"
    assert pieces.startswith(b"event: message_start\n")
    assert pieces.endswith(b'data: {"type":"message_stop"}\n\n')
