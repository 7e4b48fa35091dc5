"""A scripted stand-in for the SDK's client: strict about requests, silent about everything else.

`FakeClaude(script)` answers each request with the next step of the script; a step is a reply made
by `says`, `calls` or `stops`, or an exception to raise. Every request is checked the way the API
does before it is answered, and kept in `requests`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any


class ApiError(Exception):
    """Like the SDK's APIStatusError."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.body = {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": message},
        }


class Killed(BaseException):
    """The process dies here."""


def stops(stop_reason: str, *content: dict[str, Any], output: int | None = None) -> Any:
    """A reply of these blocks."""
    return {"content": list(content), "stop_reason": stop_reason, "output": output}


def says(*texts: str, stop: str = "end_turn") -> Any:
    """A reply of these text blocks."""
    return stops(stop, *({"type": "text", "text": text} for text in texts))


def calls(*wanted: tuple[str, str, dict[str, Any]], text: str | None = None) -> Any:
    """A reply that calls tools: (call id, tool name, input) each."""
    blocks = [] if text is None else [{"type": "text", "text": text}]
    blocks += [
        {"type": "tool_use", "id": call_id, "name": name, "input": arguments}
        for call_id, name, arguments in wanted
    ]
    return stops("tool_use", *blocks)


def ruler(value: Any) -> int:
    """Tokens by this API: a ruler of its own, dearer than characters / 4."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return len(text.encode()) * 2 // 5 + 1


def prompt_tokens(request: dict[str, Any]) -> int:
    """What a request costs: its system, its tools, its messages and their frames."""
    total = ruler(_bare(request.get("system", []))) + 300 * bool(request.get("tools"))
    total += sum(ruler(_bare(tool)) + 20 for tool in request.get("tools", []))
    return total + sum(ruler(_bare(m["content"])) + 5 for m in request["messages"])


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k != "cache_control"}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def bare_messages(request: dict[str, Any]) -> list[Any]:
    """The messages without the cache's breakpoints."""
    bare: list[Any] = _bare(request["messages"])
    return bare


def check(request: dict[str, Any]) -> None:
    """Refuse what the API refuses, with its words."""
    messages = request["messages"]
    if not messages:
        raise ApiError(400, "messages: at least one message is required")
    if messages[0]["role"] != "user":
        raise ApiError(400, 'messages: first message must use the "user" role')
    last = messages[-1]
    if last["role"] == "assistant" and not str(last["content"][-1]["type"]).endswith("_result"):
        raise ApiError(400, "This model does not support assistant message prefill.")
    marks = json.dumps(request).count('"cache_control"')
    if marks > 4:
        raise ApiError(400, f"A maximum of 4 blocks with cache_control may be provided. {marks}.")
    open_calls: list[str] = []
    for index, (role, blocks) in enumerate(_merged(messages)):
        answered = [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"]
        lead = [b["type"] for b in blocks[: len(answered)]]
        if sorted(answered) != sorted(open_calls) or set(lead) - {"tool_result"}:
            raise ApiError(400, f"messages.{index}: tool_use {open_calls} tool_result {answered}")
        open_calls = [b["id"] for b in blocks if b["type"] == "tool_use"]
        assert role == "assistant" or not open_calls
    if open_calls:
        raise ApiError(400, f"messages: `tool_use` ids without results: {open_calls}")


def _merged(messages: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    turns: list[tuple[str, list[dict[str, Any]]]] = []
    for index, message in enumerate(messages):
        blocks = message["content"]
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        if not blocks:
            raise ApiError(400, f"messages.{index}: all messages must have non-empty content")
        for block in blocks:
            if block["type"] == "text" and not block["text"].strip():
                raise ApiError(400, "messages: text content blocks must contain non-whitespace")
        if all(block["type"] == "thinking" for block in blocks):
            raise ApiError(400, "messages: the final block cannot be thinking")
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks)
        else:
            turns.append((message["role"], list(blocks)))
    return turns


class FakeClaude:
    """`client.messages.create(**request)`, scripted. `context_window` in tokens by `ruler`."""

    def __init__(
        self,
        script: Iterable[Any] | Callable[[dict[str, Any]], Any] = (),
        *,
        context_window: int = 10**9,
    ) -> None:
        self._script = script if callable(script) else iter(script)
        self.context_window = context_window
        self.requests: list[dict[str, Any]] = []
        self.billed: list[int] = []
        self.messages = SimpleNamespace(create=self.create)

    def create(self, **request: Any) -> Any:
        """Answer one request."""
        request = copy.deepcopy(request)
        self.requests.append(request)
        check(request)
        tokens = prompt_tokens(request)
        if tokens > self.context_window:
            raise ApiError(
                400, f"prompt is too long: {tokens} tokens > {self.context_window} maximum"
            )
        step = self._script(request) if callable(self._script) else next(self._script)
        if isinstance(step, BaseException):
            raise step
        output = step["output"] or sum(ruler(block) for block in step["content"])
        self.billed.append(tokens)
        usage = SimpleNamespace(
            input_tokens=tokens - tokens // 2,
            output_tokens=output,
            cache_read_input_tokens=tokens // 2,
            cache_creation_input_tokens=None,
        )
        return SimpleNamespace(
            content=copy.deepcopy(step["content"]), stop_reason=step["stop_reason"], usage=usage
        )


class AsyncFakeClaude(FakeClaude):
    """The same, awaited."""

    def __init__(self, *args: Any, before: Any = None, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._before = before
        self.messages = SimpleNamespace(create=self.create_async)

    async def create_async(self, **request: Any) -> Any:
        """Answer one request."""
        if self._before is not None:
            await self._before()
        return self.create(**request)
