"""OpenTelemetry spans by the GenAI semantic conventions; needs the extra `otel` (the API alone).

A turn is an `invoke_agent` span; in it, each model call is a `chat` span and each tool call an
`execute_tool` span. What was said is not in them: the conventions make that opt-in, and the log has
it. `gen_ai.usage.input_tokens` is the whole prompt, cached or not, as the conventions want it (the
API's own `input_tokens` leaves the cached part out). Where no SDK is set up, or OpenTelemetry is
not installed, nothing is recorded and nothing fails.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from harness.lifecycle.turns.reply import read_reply

_LOG = logging.getLogger("harness.lifecycle")
_REQUEST = {
    "model": "gen_ai.request.model",
    "max_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "stop_sequences": "gen_ai.request.stop_sequences",
}


class Spans:
    """The spans of one conversation; without OpenTelemetry, none."""

    def __init__(self, session_id: str, *, model: str) -> None:
        self._common = {"gen_ai.conversation.id": session_id, "gen_ai.provider.name": "anthropic"}
        self._model = model
        self._trace = _opentelemetry()

    def turn(self) -> AbstractContextManager[Any]:
        """Around one turn."""
        return self.around("invoke_agent", "", {"gen_ai.request.model": self._model})

    def client(self, client: Any, *, awaited: bool = False) -> Any:
        """The same client, whose model calls are spans; `awaited` where they are awaited."""
        return client if self._trace is None else _Client(client, self, awaited)

    def tools(self, tools: Mapping[str, Any]) -> dict[str, Any]:
        """The same tools, whose calls are spans."""
        if self._trace is None:
            return dict(tools)
        return {name: _Tool(tool, name, self) for name, tool in tools.items()}

    def around(
        self, operation: str, name: str, attributes: Mapping[str, Any], *, client: bool = False
    ) -> AbstractContextManager[Any]:
        """A span, current within the block; what the block raises is its error."""
        if self._trace is None:
            return nullcontext()
        return self._span(operation, name, attributes, client=client)

    @contextmanager
    def _span(
        self, operation: str, name: str, attributes: Mapping[str, Any], *, client: bool
    ) -> Iterator[Any]:
        assert self._trace is not None
        kinds = self._trace.SpanKind
        # Looked up each time: the application may set its provider up after the conversation.
        with self._trace.get_tracer("harness.lifecycle").start_as_current_span(
            f"{operation} {name}".strip(),
            kind=kinds.CLIENT if client else kinds.INTERNAL,
            attributes={"gen_ai.operation.name": operation, **self._common, **attributes},
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_attribute("error.type", type(error).__qualname__)
                raise


class _Forwarding:
    """Everything that is not asked of this is asked of `inner`."""

    def __init__(self, inner: Any, spans: Spans) -> None:
        self._inner = inner
        self._spans = spans

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Client(_Forwarding):
    def __init__(self, inner: Any, spans: Spans, awaited: bool) -> None:
        super().__init__(inner, spans)
        self._awaited = awaited

    @property
    def messages(self) -> Any:
        """Its messages, whose calls are spans."""
        host = getattr(getattr(self._inner, "base_url", None), "host", None)
        return _Messages(self._inner.messages, self._spans, self._awaited, host)


class _Messages(_Forwarding):
    def __init__(self, inner: Any, spans: Spans, awaited: bool, host: str | None) -> None:
        super().__init__(inner, spans)
        self._awaited = awaited
        self._host = host

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "with_raw_response":
            return _Messages(found, self._spans, self._awaited, self._host)
        return found

    def create(self, **request: Any) -> Any:
        """Call the model, or give the coroutine that does."""
        if self._awaited:
            return self._create_async(request)
        with self._chat(request) as span:
            answer = self._inner.create(**request)
            _describe(span, answer.parse() if hasattr(answer, "parse") else answer)
            return answer

    async def _create_async(self, request: dict[str, Any]) -> Any:
        with self._chat(request) as span:
            answer = await self._inner.create(**request)
            message = answer.parse() if hasattr(answer, "parse") else answer
            _describe(span, await message if inspect.isawaitable(message) else message)
            return answer

    def _chat(self, request: Mapping[str, Any]) -> AbstractContextManager[Any]:
        attributes = {told: request[name] for name, told in _REQUEST.items() if name in request}
        if self._host is not None:
            attributes["server.address"] = self._host
        return self._spans.around("chat", str(request["model"]), attributes, client=True)


class _Tool(_Forwarding):
    def __init__(self, inner: Any, name: str, spans: Spans) -> None:
        super().__init__(inner, spans)
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._call_async if name == "call_async" else found

    def __call__(self, arguments: Mapping[str, Any], *, call_id: str | None = None) -> Any:
        """Run it."""
        with self._execution(call_id):
            return self._inner(arguments, call_id=call_id)

    async def _call_async(self, arguments: Mapping[str, Any], *, call_id: str | None = None) -> Any:
        with self._execution(call_id):
            return await self._inner.call_async(arguments, call_id=call_id)

    def _execution(self, call_id: str | None) -> AbstractContextManager[Any]:
        attributes = {"gen_ai.tool.name": self._name, "gen_ai.tool.type": "function"}
        if call_id is not None:
            attributes["gen_ai.tool.call.id"] = call_id
        return self._spans.around("execute_tool", self._name, attributes)


def _describe(span: Any, message: Any) -> None:
    reply = read_reply(message)
    usage = reply.usage
    told = {
        "gen_ai.response.id": getattr(message, "id", None),
        "gen_ai.response.model": getattr(message, "model", None),
        "gen_ai.response.finish_reasons": [reply.stop_reason],
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
    }
    span.set_attributes({name: value for name, value in told.items() if value is not None})


def _opentelemetry() -> Any:
    try:
        from opentelemetry import trace
    except ImportError:
        _LOG.warning(
            "spans were asked for and OpenTelemetry is not installed, so there are none: install "
            "the extra, conversation-crash-lab[otel]"
        )
        return None
    return trace
