"""The respx door: every client in the process meets the model, those of foreign libraries too.

respx is made to stand under `httpcore2`, where the SDK's `httpx2` ends, and under `httpcore` for
libraries on plain `httpx`; what it puts there asks the innermost door straight, without building
httpx's own request and response in between. Only the hosts named reach the model; any other request
is refused before it leaves the process. Calls are not kept: a run of 100,000 turns costs no memory.
One of the two libraries is enough: an older SDK stands on httpcore alone.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from types import ModuleType
from typing import Any, ClassVar

import httpcore
import respx
from respx.mocks import HTTPCoreMocker

from harness.doors.play import Playing, timeout_of
from harness.doors.reply import DoorClock, Handle, Reply

HOSTS = ("api.anthropic.com",)
_PORTS = {"http": 80, "https": 443}


class _Httpcore(HTTPCoreMocker):
    """respx's own way into httpcore, under a name of ours."""

    name = "harness-httpcore"
    targets: ClassVar[list[str]] = list(HTTPCoreMocker.targets)

    @classmethod
    def mock(cls, spec: Any) -> Any:
        """What stands in for a method. It bears the method's name, so that a user's own respx can
        stand in for it in turn, which respx refuses where the name is another."""
        way: Any = cls

        async def handle_async_request(instance: object, request: Any) -> Any:
            body = b"".join([piece async for piece in request.stream])
            door: _Door = way.routers[0].door
            playing = door.ask(request, body)
            return door.response(playing, await playing.abegin())

        def handle_request(instance: object, request: Any) -> Any:
            body = b"".join(request.stream)
            door: _Door = way.routers[0].door
            playing = door.ask(request, body)
            return door.response(playing, playing.begin())

        return handle_async_request if inspect.iscoroutinefunction(spec) else handle_request


class _Httpcore2(_Httpcore):
    """The same for the library under the SDK."""

    name = "harness-httpcore2"
    targets: ClassVar[list[str]] = [
        one.replace("httpcore.", "httpcore2.", 1) for one in HTTPCoreMocker.targets
    ]


class _Body:
    """A reply's body on its way, for a library that reads sync or async."""

    def __init__(self, playing: Playing, reply: Reply) -> None:
        self._playing = playing
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        return self._playing.body(self._reply)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._playing.abody(self._reply)


class _Door:
    """One door of one library: what comes from it, and goes back to it, is httpcore's own."""

    def __init__(
        self,
        handle: Handle,
        clock: DoorClock,
        library: ModuleType,
        hosts: Collection[str],
        refuse: Callable[[str], None] | None,
    ) -> None:
        self._handle = handle
        self._clock = clock
        self._library = library
        self._hosts = frozenset(host.encode("ascii") for host in hosts)
        self._refuse = refuse

    def ask(self, request: Any, body: bytes) -> Playing:
        """Ask the model, or turn the request away."""
        url = request.url
        if url.host.lower() not in self._hosts:
            self._turn_away(url)
        answer = self._handle(
            request.method.decode("ascii"), url.target.decode("ascii"), _lowered(request), body
        )
        timeout = timeout_of(request.extensions)
        return Playing(answer, self._clock, self._library, timeout)

    def response(self, playing: Playing, reply: Reply) -> Any:
        """The library's own response."""
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in reply.headers.items()
        ]
        return self._library.Response(reply.status, headers=headers, content=_Body(playing, reply))

    def _turn_away(self, asked: Any) -> None:
        url = _spelt(asked)
        if self._refuse is not None:
            self._refuse(url)
        hosts = ", ".join(sorted(host.decode("ascii") for host in self._hosts))
        error: Exception = self._library.ConnectError(
            f"the network is shut: {url} is not one of {hosts}, the hosts that the harness answers "
            "for"
        )
        raise error


def _lowered(request: Any) -> Mapping[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers
    }


def _spelt(url: Any) -> str:
    """A URL as its user wrote it: without the port that its scheme has anyway."""
    scheme, host, target = (part.decode("latin-1") for part in (url.scheme, url.host, url.target))
    if ":" in host:
        host = f"[{host}]"
    port = "" if url.port in (None, _PORTS.get(scheme)) else f":{url.port}"
    return f"{scheme}://{host}{port}{target}"


class _Router(respx.MockRouter):
    """What respx patches for: it holds the door, and has no routes and no calls of its own."""

    def __init__(self, door: _Door, using: str) -> None:
        super().__init__(assert_all_called=False, using=using)
        self.door = door


@contextlib.contextmanager
def open_door(
    handle: Handle,
    clock: DoorClock,
    *,
    hosts: Collection[str] = HOSTS,
    refuse: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """While it is open, requests to `hosts` are answered by `handle`, all others are refused.

    A refused request calls `refuse(url)` and fails with the library's ConnectError. The libraries
    are patched for the whole process and unpatched at the end; doors may be opened inside doors,
    and the innermost answers.
    """
    libraries: dict[type[_Httpcore], ModuleType] = {_Httpcore: httpcore}
    if importlib.util.find_spec("httpcore2") is not None:
        libraries[_Httpcore2] = importlib.import_module("httpcore2")
    with contextlib.ExitStack() as stack:
        for mocker, library in libraries.items():
            door = _Door(handle, clock, library, hosts, refuse)
            stack.enter_context(_Router(door, mocker.name))
            mocker.routers.insert(0, mocker.routers.pop())
        yield
