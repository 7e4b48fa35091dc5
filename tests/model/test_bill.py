"""Bills worked out by hand, and the cache they rest on.

The parts of these prompts are counted by the meter; which of them are read, written or fresh, and
what that costs, is written out here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.model.bill import Usage, cost_usd
from harness.model.catalogue import shipped

BIG = "lorem ipsum dolor sit amet " * 200
BIGGER = "consectetur adipiscing elit sed " * 300
SHORT = {"cache_control": {"type": "ephemeral"}}
LONG = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
TOOL = {"name": "book", "input_schema": {"type": "object"}, "description": BIG}


def text(words: str, **fields: Any) -> dict[str, Any]:
    """A text block."""
    return {"type": "text", "text": words, **fields}


def user(*blocks: Any) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": list(blocks)}


def split(answer: Any) -> tuple[int, int, int]:
    """Fresh, written and read tokens of an answer."""
    usage = answer.body["usage"]
    return (
        usage["input_tokens"],
        usage["cache_creation_input_tokens"],
        usage["cache_read_input_tokens"],
    )


def tokens(here: Any, *blocks: Any, **fields: Any) -> int:
    """The size of a prompt, by counting."""
    counted = here.post(
        [user(*blocks)], max_tokens=None, path="/v1/messages/count_tokens", **fields
    )
    size: int = counted.body["input_tokens"]
    return size


SONNET = shipped().models["claude-sonnet-5-5"]


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(1000, output_tokens=100), 1000 * 2e-6 + 100 * 10e-6),
        (Usage(0, cache_read_input_tokens=10_000), 10_000 * 2e-6 * 0.05),
        (Usage(0, written_5m_tokens=1000), 1000 * 2e-6 * 1.25),
        (Usage(0, written_1h_tokens=1000), 1000 * 2e-6 * 2),
        (Usage(100, 200, 300, 400, 500), (100 + 10 + 375 + 800) * 2e-6 + 500 * 10e-6),
    ],
)
def test_dollars_are_tokens_times_factors_times_prices(usage: Usage, dollars: float) -> None:
    assert cost_usd(usage, SONNET) == pytest.approx(dollars, abs=1e-12)


def test_a_long_prompt_has_its_own_prices_where_the_catalogue_says_so() -> None:
    haiku = shipped().models["claude-haiku-5-5"]
    assert cost_usd(Usage(100_000, output_tokens=1000), haiku) == pytest.approx(0.01 + 0.0005)
    assert cost_usd(Usage(100_001, output_tokens=1000), haiku) == pytest.approx(0.0500005 + 0.0025)


def test_without_a_breakpoint_everything_is_fresh(desk: Callable[..., Any]) -> None:
    here = desk()
    size = tokens(here, text(BIG))
    for _ in range(2):
        assert split(here.post([user(text(BIG))])) == (size, 0, 0)


def test_what_was_written_is_read_again(desk: Callable[..., Any]) -> None:
    here = desk()
    whole = tokens(here, text(BIG), text("question"))
    prefix = tokens(here, text(BIG))
    message = user(text(BIG, **SHORT), text("question"))
    first = here.post([message])
    here.wait(60)
    second = here.post([message])
    assert split(first) == (whole - prefix, prefix, 0)
    assert split(second) == (whole - prefix, 0, prefix)
    said = first.body["usage"]["output_tokens"]
    assert first.row.cost_usd == pytest.approx(
        ((whole - prefix) + prefix * 1.25) * 2e-6 + said * 10e-6
    )
    assert second.row.cost_usd == pytest.approx(
        ((whole - prefix) + prefix * 0.05) * 2e-6 + said * 10e-6
    )


@pytest.mark.parametrize(("seconds", "read"), [(299, True), (300, False), (301, False)])
def test_an_entry_lives_five_minutes(seconds: int, read: bool, desk: Callable[..., Any]) -> None:
    here = desk()
    message = user(text(BIG, **SHORT))
    size = tokens(here, text(BIG))
    here.post([message])
    here.wait(seconds)
    assert split(here.post([message])) == ((0, 0, size) if read else (0, size, 0))


def test_a_read_renews_the_five_minutes(desk: Callable[..., Any]) -> None:
    here = desk()
    message = user(text(BIG, **SHORT))
    here.post([message])
    for _ in range(5):
        here.wait(240)
        assert split(here.post([message]))[2] > 0
    here.wait(301)
    assert split(here.post([message]))[2] == 0


def test_an_hour_costs_twice_and_lasts_an_hour(desk: Callable[..., Any]) -> None:
    here = desk()
    message = user(text(BIG, **LONG))
    size = tokens(here, text(BIG))
    first = here.post([message])
    assert first.body["usage"]["cache_creation"] == {
        "ephemeral_5m_input_tokens": 0,
        "ephemeral_1h_input_tokens": size,
    }
    assert first.row.cost_usd == pytest.approx(size * 2 * 2e-6 + first.row.output_tokens * 10e-6)
    here.wait(3599)
    assert split(here.post([message]))[2] == size
    here.wait(3601)
    assert split(here.post([message]))[2] == 0


def test_the_long_part_outlives_the_short_one(desk: Callable[..., Any]) -> None:
    here = desk()
    message = user(text(BIG, **LONG), text(BIGGER, **SHORT), text("question"))
    stable = tokens(here, text(BIG))
    both = tokens(here, text(BIG), text(BIGGER))
    whole = tokens(here, text(BIG), text(BIGGER), text("question"))
    usage = here.post([message]).body["usage"]["cache_creation"]
    assert usage == {
        "ephemeral_1h_input_tokens": stable,
        "ephemeral_5m_input_tokens": both - stable,
    }
    here.wait(600)
    assert split(here.post([message])) == (whole - both, both - stable, stable)


def test_a_changed_tool_breaks_everything_after_it(desk: Callable[..., Any]) -> None:
    here = desk()
    asked = {"tools": [TOOL], "system": [text(BIG, **SHORT)]}
    size = tokens(here, text("hi"), **asked)
    first = here.post([user(text("hi"))], **asked)
    here.wait(60)
    changed = {**asked, "tools": [{**TOOL, "description": BIG + "!"}]}
    second = here.post([user(text("hi"))], **changed)
    assert split(first)[1] > 0
    assert split(second)[2] == 0
    assert split(second)[1] > 0
    assert sum(split(first)) == size


def test_another_choice_of_tools_breaks_the_messages_only(desk: Callable[..., Any]) -> None:
    here = desk()
    asked: dict[str, Any] = {"tools": [TOOL], "system": [text(BIG, **SHORT)]}
    messages = [user(text(BIGGER, **SHORT))]
    here.post(messages, **asked)
    here.wait(60)
    fresh, written, read = split(here.post(messages, **asked, tool_choice={"type": "none"}))
    assert (fresh, written > 0, read > 0) == (0, True, True)
    here.wait(60)
    assert split(here.post(messages, **asked))[1] == 0


def test_below_the_minimum_nothing_is_cached_and_nothing_is_said(desk: Callable[..., Any]) -> None:
    here = desk()
    size = tokens(here, text("a short one"))
    for _ in range(2):
        assert split(here.post([user(text("a short one", **SHORT))])) == (size, 0, 0)
    big = tokens(here, text(BIG))
    assert shipped().models["claude-haiku-4-5"].cache_minimum > big > SONNET.cache_minimum
    assert split(desk(name="claude-haiku-4-5").post([user(text(BIG, **SHORT))]))[1] == 0


def test_an_entry_is_looked_for_twenty_blocks_back_and_no_further(
    desk: Callable[..., Any],
) -> None:
    for added, found in ((19, True), (20, False)):
        here = desk()
        here.post([user(text(BIG, **SHORT))])
        here.wait(60)
        more = [text(f"note {number}") for number in range(added - 1)]
        answer = here.post([user(text(BIG), *more, text("question", **SHORT))])
        assert (split(answer)[2] > 0) is found


def test_the_automatic_breakpoint_moves_with_the_conversation(desk: Callable[..., Any]) -> None:
    here = desk()
    messages: list[Any] = [user(text(BIG))]
    size = tokens(here, text(BIG))
    assert split(here.post(messages, **SHORT)) == (0, size, 0)
    here.wait(60)
    messages += [{"role": "assistant", "content": "Yes."}, user(text("More?"))]
    fresh, written, read = split(here.post(messages, **SHORT))
    assert (fresh, read) == (0, size)
    assert written > 0


def test_an_entry_can_be_read_once_its_writer_has_begun_to_answer(
    desk: Callable[..., Any],
) -> None:
    here = desk(first_token="2s")
    message = user(text(BIG, **SHORT))
    here.post([message])
    here.wait(1.9)
    assert split(here.post([message]))[2] == 0
    here.wait(0.2)
    assert split(here.post([message]))[2] > 0


def test_models_share_no_cache(desk: Callable[..., Any]) -> None:
    here = desk()
    message = user(text(BIG, **SHORT))
    here.post([message])
    here.wait(60)
    assert split(here.post([message], model="claude-opus-5-5"))[2] == 0


def test_a_lost_reply_and_its_retry_are_both_billed(desk: Callable[..., Any]) -> None:
    script = [{"user": "hi", "reply": {"text": "Hello to you."}}]
    here = desk(script, faults=[{"http": {"turn": 1, "network": "reset"}}])
    hi = [{"role": "user", "content": "hi"}]
    lost, told = here.post(hi), here.post(hi)
    assert (lost.row.status, told.row.status) == (None, 200)
    price = told.row.input_tokens * 2e-6 + told.row.output_tokens * 10e-6
    assert lost.row.cost_usd == told.row.cost_usd == pytest.approx(price)


def test_an_error_answer_costs_nothing(desk: Callable[..., Any]) -> None:
    script = [{"user": "hi", "reply": {"text": "Hello to you."}}]
    here = desk(script, faults=[{"http": {"turn": 1, "status": 529}}])
    row = here.post([{"role": "user", "content": "hi"}]).row
    assert (row.cost_usd, row.input_tokens, row.output_tokens) == (0, 0, 0)
    assert row.prompt_tokens > 0
