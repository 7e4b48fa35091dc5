"""Histories laid beside the conversation: what is excused later, and what is held."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from harness.checks.evidence.alignment import departures, held_turns
from harness.checks.evidence.facts import gather
from harness.record import Record
from tests.checks.building import chat, dying, edited, perfect, with_history, without


def found(record: Record) -> list[tuple[str, tuple[int, ...]]]:
    """Kind and turns of each departure."""
    return [(d.kind, d.turns) for d in departures(gather(record))]


@given(st.integers(0, 10))
def test_any_prefix_of_what_happened_is_at_worst_a_loss(length: int) -> None:
    record = with_history(perfect(chat(turns=5)), -1, lambda m: m[:length])
    lost = tuple(range(length // 2 + 1, 6))

    assert found(record) == ([("lost", lost)] if lost else [])


@given(st.lists(st.integers(0, 9), min_size=1, max_size=10))
@example([0, 3, 1])
def test_whatever_is_no_prefix_is_found(kept: list[int]) -> None:
    record = with_history(perfect(chat(turns=5)), -1, lambda m: [m[index] for index in kept])
    whole = kept == list(range(10))

    assert bool(found(record)) != whole
    if kept != list(range(len(kept))):
        assert {kind for kind, _ in found(record)} & {"departs", "twice"}


@given(st.integers(0, 4), st.text(min_size=1))
def test_a_user_text_that_was_changed_is_found_in_its_turn(turn: int, words: str) -> None:
    mangled = {"role": "user", "content": words}
    record = with_history(
        perfect(chat(turns=5)), -1, lambda m: [*m[: 2 * turn], mangled, *m[2 * turn + 1 :]]
    )
    unchanged = words == f"Question number {turn + 1}?"

    assert found(record) == ([] if unchanged else [("departs", (turn + 1,))])


def test_a_turn_that_failed_over_a_fault_may_be_remembered_or_not() -> None:
    record = perfect(chat())
    record = without(record, "reply.delivered", 1)
    record = edited(record, lambda e: [] if e.turn == 2 and e.kind == "reply.returned" else [e])

    for kept in range(3):
        assert found(with_history(record, -1, lambda m, k=kept: m[: 2 + k] + m[4:])) == []


def test_answers_before_any_question_are_departures_unless_their_question_was_lost() -> None:
    stray = {"role": "assistant", "content": "Hello?"}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x"}]}

    assert found(with_history(perfect(chat()), -1, lambda m: [stray, *m])) == [("departs", (1,))]
    assert found(with_history(perfect(chat()), -1, lambda m: [result, *m])) == []


def test_an_answer_nobody_gave_before_the_first_turn_is_done_is_a_departure() -> None:
    stray = {"role": "assistant", "content": "Hello?"}
    part = {"role": "assistant", "content": "Answer numb"}
    record = dying(chat(), 1, "reply.received")

    assert found(with_history(record, 0, lambda _m: [stray])) == [("departs", (1,))]
    assert found(with_history(record, 0, lambda _m: [part])) == []


def test_a_lost_turn_may_come_back_or_stay_lost_without_being_told_again() -> None:
    record = with_history(dying(chat(), 4, "reply.received"), 0, lambda m: m[:4])

    assert found(record) == [("lost", (3,))]
    assert found(with_history(record, -1, lambda m: m[:4] + m[6:])) == [("lost", (3,))]


def test_turns_alike_are_told_apart_by_their_answers() -> None:
    script = [{"user": "Next?", "reply": {"text": f"Answer {n}."}} for n in range(3)]
    record = perfect(chat().model_validate({"name": "alike", "script": script}))

    assert found(record) == []
    assert found(with_history(record, -1, lambda m: m[:2] + m[4:])) == [
        ("departs", (2,)),
    ]


def test_what_a_history_holds_of_each_turn_can_be_asked() -> None:
    evidence = gather(dying(chat(), 3, "reply.received"))
    held = held_turns(evidence, evidence.memories[0])

    assert sorted(held) == [1, 2, 3]
    assert [copy.texts for copy in held[3]] == [()]
