"""The numbers of a window."""

from __future__ import annotations

import pytest

from harness.lifecycle import UsageLedger, WindowFull
from harness.lifecycle.memory.budget import Budget, constant_of
from harness.lifecycle.memory.tokens import count_tokens


def test_before_the_first_answer_the_constant_has_a_margin_too() -> None:
    budget = Budget(1000, UsageLedger(100.0), learning=True)
    assert budget.base == pytest.approx(135.0)
    budget.ledger.learn(120, 0.0, [(10, 14.0)])
    budget.refresh()
    assert budget.base == pytest.approx(budget.ledger.constant)


def test_without_learning_there_is_no_margin() -> None:
    assert Budget(1000, UsageLedger(100.0), learning=False).limit == 900


def test_a_message_has_the_room_that_its_turn_leaves() -> None:
    budget = Budget(1000, UsageLedger(100.0), learning=False)
    assert budget.most("user", 700, 0.0, 1.0) is None
    assert budget.most("user", 800, 0.0, 1.0) == 536
    assert budget.most("user", 700, 600.0, 1.0) == 176
    assert budget.most("user", 700, 0.0, 0.5) == 266
    assert budget.most("assistant", 800, 0.0, 1.0) is None
    assert budget.most("user", 700, 5000.0, 1.0) == 0


def test_a_budget_is_only_ever_lowered() -> None:
    budget = Budget(1000, UsageLedger(), learning=False)
    budget.lower(800)
    budget.lower(900)
    assert budget.limit == 800


def test_system_and_tools_are_counted_and_must_leave_room() -> None:
    tool = {"name": "t", "input_schema": {"type": "object"}}
    alone = constant_of("be kind", [], count_tokens, 1000)
    assert constant_of("be kind", [tool], count_tokens, 1000) > alone > 0
    with pytest.raises(WindowFull, match="raise max_tokens"):
        constant_of("rule " * 1000, [], count_tokens, 1000)
