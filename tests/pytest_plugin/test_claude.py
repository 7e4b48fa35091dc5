"""A Claude for one test, met by the real SDK."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import anthropic
import httpx
import pytest

from harness.pytest_plugin.claude import MockClaude, open_claude
from harness.pytest_plugin.clock import virtual_time
from harness.scenario.document import parse
from harness.scenario.load import scenario_of

ASKED: Any = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
SCRIPT = """
name: x
script:
  - user: What is the capital of France?
    reply: {text: Paris.}
"""


def script(tail: str = "") -> Any:
    return scenario_of(parse(SCRIPT + tail, "x"))


def test_the_sdk_hears_the_script_and_is_billed(mock_claude: MockClaude) -> None:
    mock_claude.script(script())
    answer = anthropic.Anthropic().messages.create(**ASKED)
    assert [block.to_dict() for block in answer.content] == [{"type": "text", "text": "Paris."}]
    (row,) = mock_claude.ledger
    assert (row.status, row.input_tokens) == (200, answer.usage.input_tokens)
    assert row.cost_usd > 0


def test_an_async_client_meets_it_too(mock_claude: MockClaude) -> None:
    async def ask() -> str:
        async with anthropic.AsyncAnthropic() as client:
            answer = await client.messages.create(**ASKED)
            return answer.content[0].text  # type: ignore[union-attr]

    mock_claude.script(script())
    assert asyncio.run(ask()) == "Paris."


def test_an_hour_of_retry_after_costs_no_hour(mock_claude: MockClaude) -> None:
    mock_claude.script(script("faults: [{http: {turn: 1, status: 529, times: 2}}]"))
    before = time.monotonic()
    answer = anthropic.Anthropic(max_retries=2).messages.create(**ASKED)
    assert [row.status for row in mock_claude.ledger] == [529, 529, 200]
    assert time.monotonic() > before
    assert answer.stop_reason == "end_turn"


def test_a_malformed_request_is_refused_as_by_the_api(mock_claude: MockClaude) -> None:
    with pytest.raises(anthropic.BadRequestError):
        anthropic.Anthropic().messages.create(**{**ASKED, "messages": []})


def test_without_a_script_it_makes_small_talk(mock_claude: MockClaude) -> None:
    assert anthropic.Anthropic().messages.create(**ASKED).content


def test_other_hosts_are_refused_and_named(mock_claude: MockClaude) -> None:
    with pytest.raises(httpx.ConnectError, match="the network is shut"):
        httpx.get("https://example.com/x")
    assert mock_claude.refused == ["https://example.com/x"]


def test_after_it_the_door_is_closed() -> None:
    with virtual_time() as clock, open_claude(clock) as claude:
        anthropic.Anthropic(api_key="mock").messages.create(**ASKED)
        assert len(claude.ledger) == 1
    with virtual_time() as clock, open_claude(clock) as another:
        anthropic.Anthropic(api_key="mock").messages.create(**ASKED)
    assert (len(claude.ledger), len(another.ledger)) == (1, 1)
