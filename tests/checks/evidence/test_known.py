"""A fact of one object is worked out once for it, and never taken for another's."""

from __future__ import annotations

import copy

import pytest

from harness.checks.evidence import known
from harness.checks.evidence.known import once_for_each
from harness.checks.judge import judge
from tests.checks.building import changed, chat, dying, with_history, without


def test_it_is_worked_out_once_for_the_same_object_and_anew_for_one_that_is_only_equal() -> None:
    asked: list[list[int]] = []

    @once_for_each
    def total(numbers: list[int]) -> int:
        asked.append(numbers)
        return sum(numbers)

    one, like_it = [1, 2], [1, 2]
    assert [total(one), total(one), total(like_it), total(one)] == [3, 3, 3, 3]
    assert [id(each) for each in asked] == [id(one), id(like_it)]


def test_an_object_that_comes_where_a_dead_one_lay_is_not_taken_for_it() -> None:
    @once_for_each
    def first(numbers: list[int]) -> int:
        return numbers[0]

    # Lists that die at once would lie in the same place, one after the other.
    assert [first([number]) for number in range(100)] == [*range(100)]


def test_no_more_are_kept_than_the_bound_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "KEPT_MAX", 2)
    asked: list[str] = []

    @once_for_each
    def length(text: str) -> int:
        asked.append(text)
        return len(text)

    for text in ("a", "bb", "ccc", "a"):
        assert length(text) == len(text)
    assert asked == ["a", "bb", "ccc", "a"]


def test_an_exception_is_raised_again_and_not_kept() -> None:
    @once_for_each
    def number(data: dict[str, int]) -> int:
        return data["n"]

    data: dict[str, int] = {}
    for _ in range(2):
        with pytest.raises(KeyError):
            number(data)


def test_records_that_share_their_events_are_judged_as_if_they_shared_nothing() -> None:
    whole = dying(chat(), 2, "reply.received")
    shared = [
        whole,
        with_history(whole, -1, lambda messages: messages[1:]),
        without(whole, "user.received", 1),
        changed(whole, "request.sent", 1, body={"model": "claude", "messages": []}),
        whole,
    ]
    told = [judge(record) for record in shared]
    assert told == [judge(copy.deepcopy(record)) for record in shared]
    assert [verdict.outcome for verdict in told] == ["pass", "fail", "pass", "fail", "pass"]
