"""The respx door catches every client in the process, keeps the network shut, and keeps nothing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from typing import Any

import httpcore
import httpcore2
import httpx
import httpx2
import pytest
import respx

from harness.doors.reply import Frame, NoReply, Reply
from harness.doors.respx_door import open_door

URL = "https://api.anthropic.com/v1/messages"
ELSEWHERE = "https://example.org/collect?x=1"


class Clock:
    """No time passes."""

    def sleep_ns(self, delay_ns: int) -> None:
        """Pass."""

    async def asleep_ns(self, delay_ns: int) -> None:
        """Pass."""


def hello(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """A model that greets."""
    return Reply(200, {"content-type": "text/plain"}, (Frame(0, f"{method} {path}".encode()),))


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_clients_of_either_library_meet_the_model(library: Any) -> None:
    with open_door(hello, Clock()), library.Client() as client:
        assert client.post(URL, json={}).text == "POST /v1/messages"


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_async_clients_of_either_library_meet_the_model(library: Any) -> None:
    async def run() -> str:
        async with library.AsyncClient() as client:
            text: str = (await client.post(URL, json={})).text
            return text

    with open_door(hello, Clock()):
        assert asyncio.run(run()) == "POST /v1/messages"


@pytest.mark.parametrize("core", [httpcore, httpcore2])
def test_a_bare_connection_pool_meets_the_model_too(core: Any) -> None:
    with open_door(hello, Clock()), core.ConnectionPool() as pool:
        assert pool.request("GET", URL).content == b"GET /v1/messages"


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_another_host_is_refused_and_reported(library: Any) -> None:
    refused: list[str] = []
    with (
        open_door(hello, Clock(), refuse=refused.append),
        library.Client() as client,
        pytest.raises(library.ConnectError, match=r"the network is shut: https://example.org"),
    ):
        client.get(ELSEWHERE)
    assert refused == [ELSEWHERE]


@pytest.mark.parametrize("core", [httpcore, httpcore2])
def test_a_port_is_told_where_the_scheme_does_not_say_it(core: Any) -> None:
    refused: list[str] = []
    with open_door(hello, Clock(), refuse=refused.append), core.ConnectionPool() as pool:
        for url in ("http://127.0.0.1:8080/x", "https://example.org:443/y", "https://[::1]:9/z"):
            with pytest.raises(core.ConnectError, match=r"the network is shut"):
                pool.request("GET", url)
    assert refused == ["http://127.0.0.1:8080/x", "https://example.org/y", "https://[::1]:9/z"]


@pytest.mark.parametrize("core", [httpcore, httpcore2])
def test_a_host_is_the_same_in_capitals(core: Any) -> None:
    with open_door(hello, Clock()), core.ConnectionPool() as pool:
        assert pool.request("GET", URL.replace("api", "API")).content == b"GET /v1/messages"


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_another_host_is_refused_to_async_clients_too(library: Any) -> None:
    refused: list[str] = []

    async def run() -> None:
        async with library.AsyncClient() as client:
            await client.get(ELSEWHERE)

    with (
        open_door(hello, Clock(), refuse=refused.append),
        pytest.raises(library.ConnectError),
    ):
        asyncio.run(run())
    assert refused == [ELSEWHERE]


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_failure_is_of_the_library_that_asked(library: Any) -> None:
    with (
        open_door(lambda *_request: NoReply("reset"), Clock()),
        library.Client() as client,
        pytest.raises(library.ReadError),
    ):
        client.get(URL)


def test_hosts_can_be_named() -> None:
    with open_door(hello, Clock(), hosts=("model.test",)), httpx2.Client() as client:
        assert client.get("https://model.test/x").text == "GET /x"
        with pytest.raises(httpx2.ConnectError, match=r"model\.test"):
            client.get(URL)


def test_the_innermost_door_answers_and_the_outer_one_comes_back() -> None:
    def inner(*_request: Any) -> Reply:
        return Reply(200, {}, (Frame(0, b"inner"),))

    with open_door(hello, Clock()), httpx2.Client() as client:
        with open_door(inner, Clock()):
            assert client.get(URL).content == b"inner"
        assert client.get(URL).content == b"GET /v1/messages"


def test_a_closed_door_leaves_nothing_patched() -> None:
    before = httpcore2.ConnectionPool.handle_request, httpcore.ConnectionPool.handle_request
    with open_door(hello, Clock()):
        assert httpcore2.ConnectionPool.handle_request is not before[0]
    after = httpcore2.ConnectionPool.handle_request, httpcore.ConnectionPool.handle_request
    assert after == before


def test_a_user_of_respx_is_not_disturbed() -> None:
    with open_door(hello, Clock()), respx.mock() as router:
        router.get(ELSEWHERE).respond(text="theirs")
        with httpx.Client() as client:
            assert client.get(ELSEWHERE).text == "theirs"
            assert router.calls.call_count == 1


def test_calls_are_not_kept() -> None:
    with open_door(hello, Clock()), httpx2.Client() as client:
        client.get(URL)
        for _ in range(50):
            client.get(URL)
        gc.collect()
        kept = sum(isinstance(one, respx.models.Call | httpx.Response) for one in gc.get_objects())
    assert kept <= 2
