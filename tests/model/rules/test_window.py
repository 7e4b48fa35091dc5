"""The window: one token over is refused, the last that fits is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.model.catalogue import Catalogue, shipped

HI = [{"role": "user", "content": "one two three four five six seven"}]


def test_a_prompt_is_refused_from_one_token_over_the_window(desk: Callable[..., Any]) -> None:
    tokens = desk().post(HI).row.prompt_tokens
    assert desk(context_window=tokens).post(HI).status == 200
    refused = desk(context_window=tokens - 1).post(HI)
    assert refused.row.rule == "prompt_too_long"
    assert refused.body["error"]["message"] == (
        f"prompt is too long: {tokens} tokens > {tokens - 1} maximum"
    )
    assert refused.row.prompt_tokens == tokens
    assert refused.row.context_window == tokens - 1


def test_counting_tells_the_size_of_a_prompt_that_a_message_would_be_refused_for(
    desk: Callable[..., Any],
) -> None:
    refused = desk(context_window=5).post(HI, path="/v1/messages/count_tokens")
    assert refused.row.rule == "prompt_too_long"


def test_newer_models_stop_in_the_window_where_older_ones_refuse(desk: Callable[..., Any]) -> None:
    newest = shipped()
    spec = newest.models["claude-sonnet-5-5"]
    older = Catalogue(newest.as_of, newest.sources, {spec.id: replace(spec, soft_overflow=False)})
    here = desk(catalogue=older, context_window=2000)
    tokens = here.post(HI, max_tokens=10).row.prompt_tokens
    assert here.post(HI, max_tokens=2000 - tokens).status == 200
    refused = here.post(HI, max_tokens=2001 - tokens)
    assert refused.row.rule == "prompt_plus_max_tokens"
    assert refused.body["error"]["message"].startswith(
        f"input length and `max_tokens` exceed context limit: {tokens} + {2001 - tokens} > 2000"
    )
    assert desk(context_window=2000).post(HI, max_tokens=2001 - tokens).status == 200
