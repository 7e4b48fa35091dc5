"""Spans by the GenAI conventions, as an application's in-memory exporter sees them."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

from harness.lifecycle import AsyncConversation, FunctionTool, Sessions, Spans
from tests.lifecycle.fake_claude import ApiError, AsyncFakeClaude, FakeClaude, calls, says
from tests.lifecycle.opening import opened


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What was exported; the provider is set for this test alone."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield memory
    provider.shutdown()


def tree(spans: tuple[ReadableSpan, ...]) -> list[tuple[str, str | None]]:
    """(span, parent) by name, in order of their begin."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    ordered = sorted(spans, key=lambda span: span.start_time or 0)
    return [(s.name, names[s.parent.span_id] if s.parent else None) for s in ordered]


def one(exporter: InMemorySpanExporter, name: str) -> ReadableSpan:
    (span,) = [span for span in exporter.get_finished_spans() if span.name == name]
    return span


ADD = FunctionTool("add", lambda a, b: a + b)
CALLS = calls(("t1", "add", {"a": 1, "b": 2}), ("t2", "add", {"a": 3, "b": 4}))


def test_a_turn_holds_its_model_calls_and_its_tool_calls(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> None:
    client = FakeClaude([CALLS, says("3 and 7.")])
    with opened(tmp_path, client, tools=[ADD], spans=True, model="claude-x") as conversation:
        assert conversation.send("m1", "Add") == "3 and 7."
    assert tree(exporter.get_finished_spans()) == [
        ("invoke_agent", None),
        ("chat claude-x", "invoke_agent"),
        ("execute_tool add", "invoke_agent"),
        ("execute_tool add", "invoke_agent"),
        ("chat claude-x", "invoke_agent"),
    ]


def test_a_model_call_says_what_was_asked_and_what_it_cost(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> None:
    client = FakeClaude([says("Paris.", stop="stop_sequence")])
    options = {"temperature": 0.5, "stop_sequences": ["."]}
    with opened(
        tmp_path, client, spans=True, model="claude-x", max_tokens=99, request_options=options
    ) as conversation:
        conversation.send("m1", "Capital of France?")
        usage = conversation.usage()
    span = one(exporter, "chat claude-x")
    assert span.kind is trace.SpanKind.CLIENT
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.conversation.id": "ada",
        "gen_ai.request.model": "claude-x",
        "gen_ai.request.max_tokens": 99,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.stop_sequences": (".",),
        "gen_ai.response.finish_reasons": ("stop_sequence",),
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
        "gen_ai.usage.cache_creation.input_tokens": 0,
    }
    assert usage.cache_read_tokens > 0


def test_a_session_of_a_registry_is_called_by_its_user_too(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> None:
    client = FakeClaude([says("Hello.")])
    sessions = Sessions(tmp_path, client=client, spans=True, model="claude-x")
    sessions.send("ann", "m1", "Hi.")
    sessions.close()
    attributes = one(exporter, "chat claude-x").attributes or {}
    assert attributes["gen_ai.conversation.id"] == "ann/000001"


def test_a_tool_call_says_which_and_a_turn_says_whose(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> None:
    client = FakeClaude([calls(("t1", "add", {"a": 1, "b": 2})), says("3.")])
    with opened(tmp_path, client, tools=[ADD], spans=True, model="claude-x") as conversation:
        conversation.send("m1", "Add")
    common = {"gen_ai.provider.name": "anthropic", "gen_ai.conversation.id": "ada"}
    assert dict(one(exporter, "execute_tool add").attributes or {}) == {
        **common,
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "add",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "t1",
    }
    turn = one(exporter, "invoke_agent")
    assert turn.kind is trace.SpanKind.INTERNAL
    assert dict(turn.attributes or {}) == {
        **common,
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.request.model": "claude-x",
    }


def test_every_attribute_is_one_of_the_conventions(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> None:
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI")}
    with opened(
        tmp_path, FakeClaude([CALLS, says("So.")]), tools=[ADD], spans=True
    ) as conversation:
        conversation.send("m1", "Add")
    spans = exporter.get_finished_spans()
    used = {name for span in spans for name in span.attributes or {}}
    assert used <= known | {"server.address", "error.type"}
    values = [str(value) for span in spans for value in (span.attributes or {}).values()]
    assert not any("Add" in value or "So." in value for value in values)


def test_what_fails_is_an_error_of_its_span(tmp_path: Path, exporter: InMemorySpanExporter) -> None:
    client = FakeClaude([calls(("t1", "div", {"a": 1})), ApiError(529, "Overloaded")])
    tool = FunctionTool("div", lambda a: a / 0)
    with (
        opened(tmp_path, client, tools=[tool], spans=True, model="claude-x") as conversation,
        pytest.raises(ApiError),
    ):
        conversation.send("m1", "Divide")
    failed = {
        span.name: (span.attributes or {})["error.type"]
        for span in exporter.get_finished_spans()
        if not span.status.is_ok
    }
    assert failed == {
        "execute_tool div": "ZeroDivisionError",
        "chat claude-x": "ApiError",
        "invoke_agent": "ApiError",
    }


def test_a_stored_answer_is_no_turn_and_a_resumed_one_is(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> None:
    client = FakeClaude([ApiError(529, "Overloaded"), says("Hi.")])
    with opened(tmp_path, client, spans=True) as conversation:
        with pytest.raises(ApiError):
            conversation.send("m1", "Hello")
        exporter.clear()
        assert conversation.resume() == "Hi."
        assert one(exporter, "invoke_agent").status.is_ok
        assert conversation.send("m1", "Hello") == "Hi."
        assert conversation.resume() is None
    assert len(exporter.get_finished_spans()) == 2


class Later:
    """A tool that is awaited."""

    name, description, contract = "later", "", "at_most_once"
    input_schema: dict[str, Any] = {"type": "object"}  # noqa: RUF012

    async def call_async(self, arguments: Any, *, call_id: str | None = None) -> Any:
        await asyncio.sleep(0)
        return call_id


def test_an_async_turn_holds_its_calls_too(tmp_path: Path, exporter: InMemorySpanExporter) -> None:
    async def go() -> str:
        async with await AsyncConversation.open(
            tmp_path,
            "ada",
            client=AsyncFakeClaude([calls(("t1", "later", {}), ("t2", "add", {})), says("So.")]),
            tools=[Later(), FunctionTool("add", lambda: 1)],
            model="claude-x",
            spans=True,
        ) as conversation:
            return await conversation.send("m1", "Later")

    assert asyncio.run(go()) == "So."
    assert sorted(tree(exporter.get_finished_spans()), key=str) == [
        ("chat claude-x", "invoke_agent"),
        ("chat claude-x", "invoke_agent"),
        ("execute_tool add", "invoke_agent"),
        ("execute_tool later", "invoke_agent"),
        ("invoke_agent", None),
    ]


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x-20260101",
    "content": [{"type": "text", "text": "Hi."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 40, "output_tokens": 5},
}


def answering(statuses: list[int]) -> httpx2.MockTransport:
    waiting = iter(statuses)

    def answer(request: httpx2.Request) -> httpx2.Response:
        status = next(waiting)
        headers = {"retry-after-ms": "1"}
        return httpx2.Response(status, json=MESSAGE if status == 200 else {}, headers=headers)

    return httpx2.MockTransport(answer)


def check_sdk_span(exporter: InMemorySpanExporter) -> None:
    span = one(exporter, "chat claude-x")
    told = dict(span.attributes or {})
    assert told["server.address"] == "api.anthropic.com"
    assert told["gen_ai.response.id"] == "msg_1"
    assert told["gen_ai.response.model"] == "claude-x-20260101"
    assert told["gen_ai.usage.input_tokens"] == 43
    assert told["gen_ai.usage.output_tokens"] == 5


def test_the_real_sdks_calls_are_spans_and_its_retries_stay_in_the_books(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> None:
    http_client = anthropic.DefaultHttpxClient(transport=answering([529, 200]))
    with (
        anthropic.Anthropic(api_key="none", http_client=http_client) as client,
        opened(tmp_path, client, spans=True, model="claude-x") as conversation,
    ):
        assert conversation.send("m1", "Hello") == "Hi."
        assert conversation.usage().attempts == 2
    check_sdk_span(exporter)


def test_the_real_async_sdks_calls_are_spans_too(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> None:
    async def go() -> str:
        http_client = anthropic.DefaultAsyncHttpxClient(transport=answering([200]))
        async with (
            anthropic.AsyncAnthropic(api_key="none", http_client=http_client) as client,
            await AsyncConversation.open(
                tmp_path, "ada", client=client, model="claude-x", spans=True
            ) as conversation,
        ):
            return await conversation.send("m1", "Hello")

    assert asyncio.run(go()) == "Hi."
    check_sdk_span(exporter)


def test_without_opentelemetry_it_says_so_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    client = FakeClaude([CALLS, says("3 and 7.")])
    with (
        caplog.at_level(logging.WARNING, "harness.lifecycle"),
        opened(tmp_path, client, tools=[ADD], spans=True) as conversation,
    ):
        assert conversation.send("m1", "Add") == "3 and 7."
    assert "[otel]" in caplog.text
    assert Spans("ada", model="m").client(client) is client


def test_importing_the_stack_imports_no_extra() -> None:
    extras = ("anthropic", "psycopg", "redis", "splintr", "opentelemetry")
    code = f"import sys, harness.lifecycle; sys.exit(any(x in sys.modules for x in {extras}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
