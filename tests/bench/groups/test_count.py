"""Counters are held against the mock's ruler, with and without the ledger."""

from __future__ import annotations

import pytest

from harness.bench.groups.count import MEAN, OVER, P95, by_four, cases, off, shares
from harness.bench.rehearsal import Books
from harness.bench.run import run
from harness.bench.talk import kinds
from harness.lifecycle.memory.tokens import count_tokens
from harness.model.meter import count_text


def test_the_ruler_is_right_about_itself_and_characters_by_four_are_short() -> None:
    for kind, texts in kinds(6_000).items():
        assert off(count_text, texts) == 0
        assert off(by_four, texts) < -30, kind
        assert abs(off(count_tokens, texts)) < 30, kind


def test_shares_are_of_the_requests_asked_for() -> None:
    books = Books(prompt_tokens=[100, 100, 200], believed=[150, 110, 200])
    assert shares([books], 0, None, 150) == {
        MEAN: pytest.approx(20.0),
        P95: pytest.approx(10.0),
        OVER: pytest.approx(100 / 3),
    }
    assert shares([books], 2, None, 250)[MEAN] == 0


def test_with_the_ledger_fewer_requests_are_over_the_budget() -> None:
    report = run(["count"], only="ledger_6k and characters")
    over = {row.subject: row.median for row in report.rows if (row.unit, row.size) == (OVER, 200)}
    assert over == {
        "characters / 4": pytest.approx(100, abs=5),
        "characters / 4, with the ledger": pytest.approx(0, abs=0.5),
    }


def test_every_counter_is_tried_on_every_kind() -> None:
    workloads = [case.workload for case in cases(peers=False) if case.subject == "harness"]
    assert workloads == ["code", "prose", "cjk", "json", "speed", "ledger 6k", "ledger 50k"]
    assert {case.subject for case in cases(peers=True)} > {"LangChain", "litellm", "agentfit"}
