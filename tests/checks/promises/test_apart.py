"""S6 of neighbours: no word of one session is in another."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.record import Record
from tests.checks.building import after, chat, perfect, with_history

SAYS = "I am somebody else."
QUIET: list[dict[str, Any]] = [{"role": "user", "content": SAYS}]


def beside(messages: list[dict[str, Any]], error: str | None = None) -> Record:
    """A chat of four turns, with a neighbour that speaks after the second."""
    told = {"session": "bea", "says": SAYS, "error": error, "messages": messages}
    return after(perfect(chat(4)), "reply.delivered", 1, ("neighbour", told))


def found(record: Record) -> list[tuple[str, str]]:
    """Codes and messages, of S6 alone."""
    return [(one.code, one.message) for one in judge(record).findings if one.code == "S6"]


def test_neighbours_that_know_nothing_of_each_other_keep_s6() -> None:
    assert not judge(beside(QUIET)).findings


@pytest.mark.parametrize(
    ("messages", "error", "message"),
    [
        (
            [{"role": "user", "content": "Question number 2?"}],
            None,
            "session 'bea' remembers what was said in this one: 'Question number 2?'",
        ),
        ([], "OSError: no", "session 'bea' could not be served beside this one: OSError: no"),
    ],
)
def test_one_that_hears_too_much_or_is_not_served_breaks_s6(
    messages: list[dict[str, Any]], error: str | None, message: str
) -> None:
    assert found(beside(messages, error)) == [("S6", message)]


def test_what_a_neighbour_said_is_not_remembered_here() -> None:
    record = with_history(beside(QUIET), -1, lambda m: [*m[:2], *QUIET, *m[2:]])
    assert found(record) == [
        ("S6", f"what session 'bea' said is remembered here: '{SAYS}'"),
    ]
