"""The respx door: every client in the process meets the model, those of foreign libraries too.

respx is made to stand under `httpcore2`, where the SDK's `httpx2` ends, and under `httpcore` for
libraries on plain `httpx`. Only the hosts named reach the model; any other request is refused
before it leaves the process. Calls are not kept: a run of 100,000 turns costs no memory here.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from types import ModuleType
from typing import Any, ClassVar

import httpcore
import httpcore2
import httpx
import respx
from respx.mocks import HTTPCoreMocker

from harness.doors.play import Playing, timeout_of
from harness.doors.reply import DoorClock, Handle, Reply

HOSTS = ("api.anthropic.com",)
_ASYNC = "harness.async"


class _Httpcore(HTTPCoreMocker):
    """respx's own way into httpcore, under a name of ours, telling async requests apart."""

    name = "harness-httpcore"
    library: ClassVar[ModuleType] = httpcore
    targets: ClassVar[list[str]] = list(HTTPCoreMocker.targets)

    @classmethod
    def mock(cls, spec: Any) -> Any:
        """What stands in for a method. It bears the method's name, so that a user's own respx can
        stand in for it in turn, which respx refuses where the name is another."""
        way: Any = cls

        async def handle_async_request(instance: object, request: Any) -> Any:
            asked, kept = await way.prepare_async_request(
                way.to_httpx_request(request=request), request=request
            )
            return await way._send_async_request(asked, target_spec=spec, instance=instance, **kept)

        def handle_request(instance: object, request: Any) -> Any:
            asked, kept = way.prepare_sync_request(
                way.to_httpx_request(request=request), request=request
            )
            return way._send_sync_request(asked, target_spec=spec, instance=instance, **kept)

        return handle_async_request if inspect.iscoroutinefunction(spec) else handle_request

    @classmethod
    async def prepare_async_request(cls, httpx_request: httpx.Request, **kwargs: Any) -> Any:
        httpx_request.extensions = {**httpx_request.extensions, _ASYNC: True}
        return await super().prepare_async_request(httpx_request, **kwargs)  # type: ignore[no-untyped-call]

    @classmethod
    def from_sync_httpx_response(
        cls, httpx_response: httpx.Response, target: object, **kwargs: Any
    ) -> Any:
        return cls.library.Response(
            status=httpx_response.status_code,
            headers=httpx_response.headers.raw,
            content=httpx_response.stream,
        )


class _Httpcore2(_Httpcore):
    """The same for the library under the SDK."""

    name = "harness-httpcore2"
    library: ClassVar[ModuleType] = httpcore2
    targets: ClassVar[list[str]] = [
        one.replace("httpcore.", "httpcore2.", 1) for one in HTTPCoreMocker.targets
    ]


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, playing: Playing, reply: Reply) -> None:
        self._playing = playing
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        return self._playing.body(self._reply)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._playing.abody(self._reply)


class _Router(respx.MockRouter):
    """A router that remembers no calls."""

    def record(self, request: httpx.Request, **kwargs: Any) -> None:
        """Nothing: the ledger is the model's."""


class _Route(respx.Route):
    """The one route: everything, straight to the door."""

    def __init__(self, answer: Callable[[httpx.Request], Any]) -> None:
        super().__init__()
        self._answer = answer

    def match(self, request: httpx.Request) -> Any:
        """The answer to any request."""
        return self._answer(request)


class _Door:
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
        self._hosts = frozenset(hosts)
        self._refuse = refuse

    def answer(self, request: httpx.Request) -> httpx.Response | Awaitable[httpx.Response]:
        """Ask the model, or turn the request away; respx awaits what is to be awaited."""
        if request.url.host not in self._hosts:
            self._turn_away(str(request.url))
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in request.headers.raw
        }
        answer = self._handle(
            request.method, request.url.raw_path.decode("ascii"), headers, request.content
        )
        timeout = timeout_of(request.extensions)
        playing = Playing(answer, self._clock, self._library, timeout)
        if request.extensions.get(_ASYNC):
            return self._wait(request, playing)
        return _response(request, playing, playing.begin())

    async def _wait(self, request: httpx.Request, playing: Playing) -> httpx.Response:
        return _response(request, playing, await playing.abegin())

    def _turn_away(self, url: str) -> None:
        if self._refuse is not None:
            self._refuse(url)
        error: Exception = self._library.ConnectError(
            f"the network is shut: {url} is not one of {', '.join(sorted(self._hosts))}, the hosts "
            "that the harness answers for"
        )
        raise error


def _response(request: httpx.Request, playing: Playing, reply: Reply) -> httpx.Response:
    return httpx.Response(
        reply.status,
        headers=dict(reply.headers),
        stream=_Body(playing, reply),
        request=request,
    )


@contextlib.contextmanager
def open_door(
    handle: Handle,
    clock: DoorClock,
    *,
    hosts: Collection[str] = HOSTS,
    refuse: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """While it is open, requests to `hosts` are answered by `handle`, all others are refused.

    A refused request calls `refuse(url)` and fails with the library's ConnectError. Both libraries
    are patched for the whole process and unpatched at the end; doors may be opened inside doors,
    and the innermost answers.
    """
    with contextlib.ExitStack() as stack:
        for mocker in (_Httpcore, _Httpcore2):
            door = _Door(handle, clock, mocker.library, hosts, refuse)
            router = _Router(assert_all_called=False, using=mocker.name)
            router.routes.add(_Route(door.answer))
            stack.enter_context(router)
            mocker.routers.insert(0, mocker.routers.pop())
        yield
