"""What the bill teaches."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle import MessageWindow, UsageLedger, count_tokens

WORDS = "the evening train left late and nobody on the platform seemed to mind".split()  # noqa: SIM905
CODE = "for x in xs: total[i] += f(x, *args) - {'a': 1}['a'] # {}\n"
CJK = "列車は遅れて出発しましたが誰も気にしていないようでした"


def hidden_tokens(text: str) -> int:
    """A tokenizer that the ledger knows nothing of."""
    marks = sum(not (char.isalpha() or char == " ") for char in text)
    wide = sum(ord(char) > 0x2E80 for char in text)
    return int(0.29 * (len(text) - marks - wide) + 0.7 * marks + 1.3 * wide) + 3


def said(source: random.Random) -> str:
    kind = source.choices(["prose", "code", "cjk"], [60, 25, 15])[0]
    if kind == "prose":
        return " ".join(source.choices(WORDS, k=source.randint(10, 150)))
    if kind == "code":
        return CODE * source.randint(2, 15)
    return "".join(source.choices(CJK, k=source.randint(20, 200)))


def played(seed: int, budget: int, turns: int) -> tuple[list[float], list[float]]:
    """(relative error of the estimate, share of the budget used) of each request."""
    source = random.Random(seed)
    window = MessageWindow(budget, system="x" * 100, ledger=UsageLedger(), auto=False)
    errors, used = [], []
    for _ in range(turns):
        window.push("user", said(source))
        window.fit()
        truth = 1450 + sum(hidden_tokens(m["content"]) + 4 for m in window.as_messages())
        errors.append(window.tokens / truth - 1)
        used.append(truth / budget)
        window.learn(truth)
        answer = said(source)
        window.push("assistant", answer, exact=hidden_tokens(answer) + window.ledger.overhead)
    return errors, used


def test_after_thirty_answers_the_estimate_is_within_a_fifth_of_a_percent() -> None:
    late = [abs(e) for seed in range(3) for e in played(seed, 50_000, 100)[0][30:]]
    assert statistics.mean(late) <= 0.002
    assert sorted(late)[int(0.95 * len(late))] <= 0.01


def test_requests_stay_within_a_small_budget_by_a_ruler_nobody_knows() -> None:
    used = [u for seed in range(8) for u in played(seed, 6_000, 100)[1]]
    assert sum(u > 1 for u in used) <= len(used) / 1000
    assert max(used) <= 1.05
    assert statistics.mean(used) >= 0.6


def test_the_first_answer_solves_the_constant() -> None:
    ledger = UsageLedger()
    ledger.learn(1000, 0.0, [(20, ledger.predict(20))])
    assert 950 <= ledger.constant <= 995


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(0, 3000)), min_size=1, max_size=30),
)
def test_what_is_known_always_adds_up_to_the_bill(answers: list[tuple[int, int]]) -> None:
    window = MessageWindow(10**6, ledger=UsageLedger(), auto=False)
    total = 800
    for words, grown in answers:
        total += grown
        window.push("user", "word " * words)
        window.learn(total)
        assert window.bound == pytest.approx(total, abs=1e-6)
        assert window.ledger.margin >= 0.05


def test_it_goes_on_where_it_was_saved() -> None:
    source = random.Random(1)
    ledger = UsageLedger()
    known = 0.0
    for _ in range(20):
        count = count_tokens(said(source))
        known += sum(ledger.learn(int(900 + known + 1.2 * count), known, [(count, count)]))
    again = UsageLedger.restored(ledger.state())
    assert again.state() == ledger.state()
    assert again.margin == ledger.margin
    assert again.predict(100) == ledger.predict(100)
