"""The SDK, warmed: the mock's door is opened once, before any fork, and rehearsed.

The rehearsal calls the unmodified SDK each way (plain, streamed, async) against a canned reply, so
that no life pays for lazy imports. A client costs 23 ms for reading the machine's certificates;
they never matter here, so the server reads them once for all lives. What it looks for proxies in
the environment, twice a client, is half of what is left: it is told quickly that there are none.

Under another interpreter the door's own libraries may be missing; this room can be imported all the
same, and says which.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import importlib.util
import json
import os
import urllib.request
from collections.abc import Callable, Mapping

from harness.doors.reply import DoorClock, Frame, Handle, NoReply, Reply

_DOOR = ("respx", "httpx")
_CLIENTS = ("httpcore2", "httpcore")
_CANNED = {
    "id": "msg_rehearsal",
    "type": "message",
    "role": "assistant",
    "model": "claude-rehearsal",
    "content": [{"type": "text", "text": "ready"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
_rehearsing = False
_open = False
_doors = contextlib.ExitStack()  # held for the life of the process: collected, it would shut


def missing() -> list[str]:
    """What the door needs and this interpreter lacks."""
    return [name for name in _DOOR if not _is_here(name)]


def client() -> str | None:
    """A library here through which a request could leave, none of whose requests are caught."""
    return next((name for name in _CLIENTS if _is_here(name)), None)


def is_installed() -> bool:
    """Whether the SDK itself is here."""
    return _is_here("anthropic")


def is_open() -> bool:
    """Whether the SDK's requests are caught."""
    return _open


def open_door(handle: Handle, clock: DoorClock, refuse: Callable[[str], None]) -> None:
    """Open the respx door for the rest of this process and its children."""
    global _open
    from harness.doors.respx_door import open_door as open_respx_door

    _read_certificates_once()
    _see_quickly_that_there_are_no_proxies()

    def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply | NoReply:
        return _canned(body) if _rehearsing else handle(method, path, headers, body)

    _doors.enter_context(open_respx_door(answer, clock, refuse=refuse))
    _open = True


def rehearse() -> None:
    """One call each way; does nothing where the SDK is not installed."""
    global _rehearsing
    try:
        import anthropic
    except ImportError:
        return
    request = {
        "model": "claude-rehearsal",
        "max_tokens": 8,
        "messages": [{"role": "user", "content": "ready?"}],
    }

    async def rehearse_async() -> None:
        async with anthropic.AsyncAnthropic() as client:
            await client.messages.create(**request)  # type: ignore[call-overload]
            async with client.messages.stream(**request) as stream:  # type: ignore[arg-type]
                await stream.get_final_message()

    _rehearsing = True
    try:
        with anthropic.Anthropic() as client:
            client.messages.create(**request)  # type: ignore[call-overload]
            with client.messages.stream(**request) as stream:  # type: ignore[arg-type]
                stream.get_final_message()
        asyncio.run(rehearse_async())
    finally:
        _rehearsing = False


def _is_here(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _read_certificates_once() -> None:
    for path, name in (
        ("httpcore2", "default_ssl_context"),
        ("httpx2._config", "create_ssl_context"),
    ):
        if _is_here(path.partition(".")[0]):
            module = importlib.import_module(path)
            if hasattr(module, name):
                setattr(module, name, functools.cache(getattr(module, name)))


def _see_quickly_that_there_are_no_proxies() -> None:
    for path in ("httpx2._utils", "anthropic._utils._httpx"):
        if _is_here(path.partition(".")[0]):
            with contextlib.suppress(ImportError):
                module = importlib.import_module(path)
                if getattr(module, "getproxies", None) is urllib.request.getproxies:
                    module.getproxies = proxies  # type: ignore[attr-defined]


def proxies() -> dict[str, str]:
    """What the environment says of proxies, at a tenth of urllib's price where that is nothing."""
    if any(name[-6:].lower() == b"_proxy" for name in os.environb):
        return urllib.request.getproxies_environment()
    return {}


def _canned(body: bytes) -> Reply:
    if not json.loads(body).get("stream"):
        return _reply("application/json", json.dumps(_CANNED).encode())
    empty = {**_CANNED, "content": [], "stop_reason": None}
    block = {"type": "text", "text": ""}
    events: list[dict[str, object]] = [
        {"type": "message_start", "message": empty},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "ready"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 1},
        },
        {"type": "message_stop"},
    ]
    lines = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return _reply("text/event-stream; charset=utf-8", "".join(lines).encode())


def _reply(content_type: str, data: bytes) -> Reply:
    headers = {"content-type": content_type, "request-id": "req_rehearsal"}
    return Reply(200, headers, (Frame(0, data),))
