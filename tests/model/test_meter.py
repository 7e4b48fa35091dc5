"""The ruler is far from linear, adds up, and no stack can guess it."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.bill import PromptCache
from harness.model.catalogue import shipped
from harness.model.meter import Meter, count_text, cut_text
from harness.model.request import parse

CODE = '''\
def merge(left: list[int], right: list[int]) -> list[int]:
    """Merge two sorted lists into one."""
    merged: list[int] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return [*merged, *left[i:], *right[j:]]


class TokenBucket:
    def __init__(self, capacity: int, refill_per_second: float) -> None:
        self._capacity = capacity
        self._refill_per_second = refill_per_second
        self._level = float(capacity)
        self._updated_at = 0.0

    def try_acquire(self, amount: int, now: float) -> bool:
        elapsed = max(0.0, now - self._updated_at)
        self._level = min(self._capacity, self._level + elapsed * self._refill_per_second)
        self._updated_at = now
        if self._level < amount:
            return False
        self._level -= amount
        return True
'''
PROSE = (
    "The old harbour had been quiet for years, and nobody in the village expected the letter that "
    "arrived on the first Monday of October. Margaret read it twice, put it in the drawer beneath "
    "the kitchen window, and went out to feed the chickens as though nothing had happened. Her "
    "brother, who noticed everything, said nothing until supper, when he asked whether the "
    "stranger from the city meant to come before the winter storms. She thought about the question "
    "for a long while. Most people who promised to visit never did, and those who came seldom "
    "stayed beyond the second evening."
)
CJK = (
    "港は何年も静かだった。十月の最初の月曜日に届いた手紙を、村の誰も予想していなかった。"
    "彼女はそれを二度読み、台所の窓の下の引き出しに入れ、何事もなかったかのように鶏に餌をやりに出かけた。"
    "今天天气很好,我们去公园散步吧。他说他明天会来,但是我不确定。"
)
JSON = json.dumps(
    [
        {
            "id": number * 7919,
            "name": f"customer {number}",
            "email": f"user{number}@example.org",
            "active": number % 2 == 0,
            "balance": round(number * 13.37, 2),
            "tags": ["priority", "north"],
        }
        for number in range(20)
    ]
)
SAMPLES = {"code": CODE, "prose": PROSE, "cjk": CJK, "json": JSON}


def error_of_a_quarter(text: str) -> float:
    """How far characters over four is from the ruler, as a share of the ruler."""
    return len(text) / 4 / count_text(text) - 1


def test_characters_over_four_is_far_off_on_two_of_four_kinds_of_text() -> None:
    errors = [abs(error_of_a_quarter(text)) for text in SAMPLES.values()]
    assert sum(error >= 0.40 for error in errors) >= 2


def test_characters_over_four_is_off_by_a_different_amount_on_each_kind_of_text() -> None:
    errors = [error_of_a_quarter(text) for text in SAMPLES.values()]
    assert max(errors) - min(errors) >= 0.25


@pytest.mark.parametrize(
    ("kind", "short"), [("code", -0.48), ("prose", -0.36), ("cjk", -0.76), ("json", -0.42)]
)
def test_the_error_is_near_the_one_measured_on_real_counters(kind: str, short: float) -> None:
    assert error_of_a_quarter(SAMPLES[kind]) == pytest.approx(short, abs=0.12)


def test_words_of_one_length_cost_differently() -> None:
    costs = {count_text(word) for word in ("because", "harbour", "chicken", "written", "kitchen")}
    assert len(costs) > 1


@given(st.text())
def test_a_count_is_never_negative_and_is_the_same_again(text: str) -> None:
    assert count_text(text) == count_text(text) >= 0
    assert (count_text(text) == 0) == (text == "")


@given(st.text(min_size=1), st.integers(1, 40))
def test_what_is_cut_to_fit_is_a_beginning_and_fits(text: str, room: int) -> None:
    cut = cut_text(text, room)
    assert text.startswith(cut)
    assert count_text(cut) <= room or len(cut.strip()) <= 1
    if count_text(text) <= room:
        assert cut == text


def test_a_cut_is_not_white_space_alone() -> None:
    assert cut_text("\n\n\n\n\n\n\n\nword", 1).strip()


def _prompt_tokens(meter: Meter, messages: list[object], **fields: object) -> int:
    request = parse({"model": "claude-sonnet-5-5", "messages": messages, **fields})
    spec = shipped().models["claude-sonnet-5-5"]
    return meter.prompt(request, spec).tokens


TALK = st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=8)


@given(TALK)
def test_prompts_add_up_so_that_a_difference_is_what_was_added(texts: list[str]) -> None:
    meter = Meter()
    messages: list[object] = []
    totals = []
    for number, text in enumerate(texts):
        messages.append({"role": "assistant" if number % 2 else "user", "content": text})
        totals.append(_prompt_tokens(meter, list(messages)))
    steps = [after - before for before, after in pairwise(totals)]
    for step, text in zip(steps, texts[1:], strict=True):
        assert step - count_text(text) in (4, 5)


@given(TALK)
def test_a_string_and_one_text_block_weigh_the_same(texts: list[str]) -> None:
    plain: list[object] = [{"role": "user", "content": text} for text in texts]
    blocks: list[object] = [
        {"role": "user", "content": [{"type": "text", "text": text}]} for text in texts
    ]
    assert _prompt_tokens(Meter(), plain) == _prompt_tokens(Meter(), blocks)


def test_tools_and_system_cost_something_that_no_text_shows() -> None:
    user: list[object] = [{"role": "user", "content": "hello"}]
    tool = {"name": "book", "input_schema": {"type": "object"}}
    bare = _prompt_tokens(Meter(), user)
    assert _prompt_tokens(Meter(), user, system="Be kind.") > bare + count_text("Be kind.")
    one = _prompt_tokens(Meter(), user, tools=[tool])
    two = _prompt_tokens(Meter(), user, tools=[tool, {**tool, "name": "cook"}])
    assert one - bare > two - one > count_text(json.dumps(tool))


def test_cache_control_weighs_nothing() -> None:
    block = {"type": "text", "text": "hello"}
    marked = {**block, "cache_control": {"type": "ephemeral"}}
    assert _prompt_tokens(Meter(), [{"role": "user", "content": [block]}]) == _prompt_tokens(
        Meter(), [{"role": "user", "content": [marked]}]
    )


HISTORIES = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["user", "assistant"]),
            st.sampled_from(["one", "two", [], [{"type": "text", "text": "three"}]]),
            st.booleans(),
        ),
        max_size=6,
    ),
    max_size=6,
)


@given(HISTORIES, st.booleans(), st.sampled_from(["claude-sonnet-5-5", "claude-haiku-4-5"]))
def test_a_meter_that_has_seen_much_counts_as_a_new_one(
    histories: list[list[tuple[str, object, bool]]], tools: bool, model: str
) -> None:
    meter, cache = Meter(), PromptCache()
    spec = shipped().models[model]
    fields = {"tools": [{"name": "book", "input_schema": {"type": "object"}}]} if tools else {}
    for history in histories:
        messages = [
            {"role": role, "content": _marked(said) if mark else said}
            for role, said, mark in history
        ]
        request = parse({"model": model, "messages": messages, **fields})
        prompt = meter.prompt(request, spec)
        assert prompt == Meter().prompt(request, spec)
        chain = cache._chain(prompt.parts, request, spec)
        assert chain == PromptCache()._chain(prompt.parts, request, spec)


def _marked(said: object) -> object:
    mark = {"cache_control": {"type": "ephemeral"}}
    return [{**block, **mark} for block in said] if isinstance(said, list) else said


def test_an_older_tokenizer_counts_fewer() -> None:
    request = parse({"model": "x", "messages": [{"role": "user", "content": PROSE}]})
    models = shipped().models
    meter = Meter()
    newer = meter.prompt(request, models["claude-sonnet-5-5"]).tokens
    older = meter.prompt(request, models["claude-haiku-4-5"]).tokens
    assert older == pytest.approx(newer * 0.77, rel=0.05)


def test_a_block_is_counted_once_however_often_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    original = count_text

    def counting(text: str) -> int:
        counted.append(text)
        return original(text)

    monkeypatch.setattr("harness.model.meter.count_text", counting)
    meter = Meter()
    for _ in range(3):
        _prompt_tokens(meter, [{"role": "user", "content": "hello"}])
    assert counted == ["hello"]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.model.meter.MEMO_CHARACTERS_MAX", 1000)
    meter = Meter()
    for number in range(200):
        _prompt_tokens(meter, [{"role": "user", "content": f"message {number}"}])
    assert len(meter._seen) < 50
