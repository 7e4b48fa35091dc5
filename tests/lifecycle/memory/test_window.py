"""The window: every request valid, within budget, and as stable as can be."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lifecycle import (
    Eviction,
    MessageRefused,
    MessageWindow,
    OversizeMessage,
    UsageLedger,
    WindowFull,
)
from harness.lifecycle.memory.held import START
from tests.lifecycle.fake_claude import check


def filled(window: MessageWindow, turns: int, words: int = 20) -> MessageWindow:
    for number in range(turns):
        window.push("user", f"question {number} " + "word " * words)
        window.push("assistant", f"answer {number} " + "word " * words)
    return window


def texts(window: MessageWindow) -> str:
    return str(window.as_messages())


def test_the_articles_listing_works() -> None:
    window = MessageWindow(6000, lambda text: len(text) // 4)
    window.push("user", "hello")
    window.push("assistant", "hi")
    assert window.as_messages() == [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hi"},
    ]


def test_it_cuts_to_the_low_mark_and_then_leaves_the_prefix_alone() -> None:
    window = MessageWindow(2000)
    firsts: list[str] = []
    for number in range(200):
        window.push("user", f"question {number} " + "word " * 20)
        assert window.tokens <= 2000
        firsts.append(window.as_messages()[0]["content"].split()[1])
        window.push("assistant", "word " * 20)
    lengths = [len(list(group)) for _, group in itertools.groupby(firsts)]
    assert len(lengths) > 4
    assert min(lengths[1:-1]) >= 5


@pytest.mark.parametrize(("budget", "minimum"), [(2000, 1024), (2000, 2500), (20_000, 1024)])
def test_a_cut_leaves_what_the_model_caches_and_a_turn_where_it_can(
    budget: int, minimum: int
) -> None:
    lows: list[float] = []
    window = MessageWindow(budget, cache_minimum=minimum, auto=False)
    for number in range(200):
        window.push("user", f"question {number} " + "word " * 80)
        window.push("assistant", "word " * 80)
        before = window.turn_tokens()
        if window.fit() is not None:
            lows.append(window.bound)
            asked = max(0.6 * budget, minimum + before if minimum < 0.9 * budget else 0.0)
            assert asked - before <= window.bound <= asked
    assert len(lows) >= 1


def test_evictions_are_told() -> None:
    told: list[Eviction] = []
    window = filled(MessageWindow(1000, on_evict=told.append), 60)
    assert sum(each.messages for each in told) == window.evicted == 120 - len(window)
    assert all(each.tokens > 0 for each in told)


def test_system_tools_and_output_are_part_of_the_budget() -> None:
    plain = filled(MessageWindow(2000), 50)
    burdened = filled(
        MessageWindow(
            2000,
            system="rule " * 200,
            tools=[{"name": "t", "input_schema": {"type": "object"}}],
            output_reserve=500,
        ),
        50,
    )
    assert burdened.tokens <= 1500
    assert len(burdened) < len(plain)


def test_a_system_prompt_that_eats_the_budget_is_refused_at_once() -> None:
    with pytest.raises(WindowFull, match="system prompt"):
        MessageWindow(100, system="rule " * 1000)


def test_the_newest_user_message_stays_however_little_room_there_is() -> None:
    window = filled(MessageWindow(300), 3)
    window.push("user", "newest " + "word " * 60)
    assert texts(window).count("newest") == 1


def test_an_oversize_message_is_shortened_and_says_so() -> None:
    window = filled(MessageWindow(1000), 3)
    window.push("user", "start " + "word " * 5000 + "end")
    shown = window.as_messages()[-1]
    assert shown["content"].startswith("start")
    assert shown["content"].endswith("end")
    assert "characters left out here" in shown["content"]


def test_an_oversize_message_can_be_refused_instead_and_changes_nothing() -> None:
    window = filled(MessageWindow(1000, oversize="refuse"), 2)
    before = window.as_messages()
    with pytest.raises(OversizeMessage, match="split it"):
        window.push("user", "word " * 5000)
    assert window.as_messages() == before


def test_what_cannot_be_shortened_is_refused() -> None:
    window = MessageWindow(1000)
    with pytest.raises(OversizeMessage, match="split it"):
        window.push("user", [{"type": "image", "source": {}}])


def test_leading_assistant_messages_and_orphans_are_left_out() -> None:
    told: list[Eviction] = []
    window = MessageWindow(1000, on_evict=told.append)
    window.push("assistant", "who am I answering?")
    window.push("user", [{"type": "tool_result", "tool_use_id": "t0", "content": "orphan"}])
    assert window.as_messages() == []
    window.push("user", "hello")
    assert len(window) == 1
    assert len(told) == 2


def test_calls_nobody_answered_get_an_answer_before_the_user_goes_on() -> None:
    window = MessageWindow(1000)
    window.push("user", "book")
    window.push("assistant", [use("t1"), use("t2")])
    window.push("user", [result("t2"), {"type": "text", "text": "never mind"}])
    window.push("assistant", [use("t3")])
    window.push("user", "hello?")
    messages = window.as_messages()
    check({"messages": messages})
    assert messages[-1] == {"role": "user", "content": "hello?"}
    assert texts(window).count("outcome of this call is unknown") == 2


@pytest.mark.parametrize("oversize", ["refuse", "shorten"])
def test_results_that_are_refused_leave_their_calls_waiting(oversize: Any) -> None:
    window = MessageWindow(200, oversize=oversize)
    window.push("user", "book")
    window.push("assistant", [use("t1"), use("t2")])
    before, state = window.as_messages(), window.state()
    image = [{"type": "image", "source": {}}]
    refused = {"type": "tool_result", "tool_use_id": "t1", "content": image}
    for bad in ([refused, result("t2")], [{"type": "text", "text": "look"}, *image]):
        with pytest.raises(OversizeMessage):
            window.push("user", bad)
        assert (window.as_messages(), window.state()) == (before, state)
    window.push("user", [result("t1"), result("t2")])
    check({"messages": window.as_messages()})
    assert "unknown" not in texts(window)


def test_parallel_results_may_come_one_by_one() -> None:
    window = MessageWindow(1000)
    window.push("user", "book")
    window.push("assistant", [use("t1"), use("t2")])
    window.push("user", [result("t1")])
    window.push("user", [result("t2")])
    window.push("assistant", "booked")
    window.push("user", "thanks")
    check({"messages": window.as_messages()})
    assert "unknown" not in texts(window)


@pytest.mark.parametrize("bad", ["", " \n", [], [{"type": "text", "text": " "}]])
def test_a_blank_user_message_is_refused(bad: Any) -> None:
    with pytest.raises(MessageRefused):
        MessageWindow(1000).push("user", bad)


def test_another_role_is_refused() -> None:
    with pytest.raises(ValueError, match="'system'"):
        MessageWindow(1000).push("system", "be kind")


def test_thinking_goes_with_the_prefix_it_is_bound_to() -> None:
    window = MessageWindow(1000, auto=False)
    thought = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    for number in range(6):
        window.push("user", f"question {number}")
        window.push("assistant", [*thought, {"type": "text", "text": "word " * 60}])
    assert "hm" in texts(window)
    window.push("user", "next")
    assert window.cut_to(300, 1000) is not None
    assert "signature" not in texts(window)
    check({"messages": window.as_messages()})


def test_a_cut_can_be_repeated_from_its_first_tag() -> None:
    def window() -> MessageWindow:
        window = MessageWindow(10_000, auto=False)
        for number in range(20):
            window.push("user", f"question {number}", tag=2 * number)
            window.push("assistant", f"answer {number}", tag=2 * number + 1)
        return window

    first, second = window(), window()
    eviction = first.cut_to(100, 10_000)
    assert eviction is not None
    assert eviction.first_kept is not None
    second.cut_before(eviction.first_kept)
    assert first.as_messages() == second.as_messages()
    assert first.state() == second.state()


def use(call_id: str, words: int = 1) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "n", "input": {"q": "word " * words}}


def result(call_id: str, words: int = 1) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": "word " * words}


WORDS = st.integers(1, 400)
PUSHES = st.lists(
    st.one_of(
        st.tuples(st.just("user"), WORDS),
        st.tuples(st.just("assistant"), WORDS),
        st.tuples(st.just("call"), st.integers(1, 3)),
        st.tuples(st.just("results"), WORDS),
        st.tuples(st.just("orphan"), WORDS),
        st.tuples(st.just("think"), WORDS),
    ),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(pushes=PUSHES, budget=st.sampled_from([400, 1000, 4000]), learned=st.booleans())
def test_whatever_is_pushed_every_request_is_valid_and_within_budget(
    pushes: list[tuple[str, int]], budget: int, learned: bool
) -> None:
    window = MessageWindow(budget, ledger=UsageLedger() if learned else None)
    numbers = itertools.count()
    waiting: list[str] = []
    for kind, size in pushes:
        try:
            waiting = push(window, kind, size, numbers, waiting)
        except OversizeMessage:
            waiting = []
            continue
        try:
            messages = window.as_messages()
        except WindowFull:
            # Only a turn that is being worked on may be irreducible.
            assert sum(row[START] for row in window._rows) == 1
            continue
        if messages and messages[-1]["role"] == "user":
            check({"messages": messages})
            assert window.tokens <= budget + 1
            if learned:
                window.learn(window.tokens)


def push(
    window: MessageWindow, kind: str, size: int, numbers: Any, waiting: list[str]
) -> list[str]:
    if kind == "user":
        window.push("user", f"newest {next(numbers)} " + "word " * size)
    elif kind == "assistant":
        window.push("assistant", "word " * size)
    elif kind == "think":
        thought = {"type": "thinking", "thinking": "word " * size, "signature": "s"}
        window.push("assistant", [thought, {"type": "text", "text": "so"}])
    elif kind == "call" and len(window):
        waiting = [f"t{next(numbers)}" for _ in range(size)]
        window.push("assistant", [use(call_id) for call_id in waiting])
        return waiting
    elif kind == "results" and waiting:
        window.push("user", [result(call_id, size) for call_id in waiting])
    elif kind == "orphan":
        window.push("user", [result(f"x{next(numbers)}", size)])
    return []
