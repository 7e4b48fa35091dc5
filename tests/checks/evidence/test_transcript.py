"""Histories read as turns, in every shape in which messages come."""

from __future__ import annotations

from harness.checks.evidence.transcript import completed, read_turns
from harness.protocol import Message
from harness.scenario.plan import plan
from tests.checks.building import booking

USE: dict[str, object] = {"type": "tool_use", "id": "toolu_01", "name": "book_table", "input": {}}
RESULT: dict[str, object] = {"type": "tool_result", "tool_use_id": "toolu_01", "content": "ok"}
TURN = plan(booking(), 0).turn(2)


def text(words: str) -> dict[str, object]:
    """A text block."""
    return {"type": "text", "text": words}


def test_a_tool_result_goes_on_with_the_turn_and_a_text_starts_one() -> None:
    turns = read_turns(
        [
            Message("user", "Book"),
            Message("assistant", [text("One moment."), USE]),
            Message("user", [RESULT]),
            Message("assistant", [text("Done.")]),
            Message("user", [text("Thank you")]),
        ]
    )

    assert [turn.user for turn in turns] == ["Book", "Thank you"]
    assert turns[0].texts == ("One moment.", "Done.")
    assert turns[0].called == ("book_table",)
    assert [turn.closed for turn in turns] == [True, False]


def test_a_turn_is_complete_when_its_last_answer_calls_no_tool() -> None:
    asked = [Message("user", "Book")]
    called = [*asked, Message("assistant", [text("One moment."), USE])]
    done = [*called, Message("user", [RESULT])]

    assert [completed(history) for history in (asked, called, done)] == [0, 0, 0]
    assert completed([*done, Message("assistant", "Done.")]) == 1
    assert completed([Message("assistant", "Nobody asked.")]) == 0


def test_an_answer_may_stand_in_one_block_or_be_joined_of_several() -> None:
    (turn,) = read_turns([Message("user", "x"), Message("assistant", [text("One"), text("two")])])

    assert all(map(turn.holds, ("two", "Onetwo", "One two", "One\ntwo", "")))
    assert not any(map(turn.holds, ("One", "twoOne", "three")))


def test_a_part_of_the_script_is_told_from_an_invention() -> None:
    def said(*blocks: dict[str, object]) -> bool:
        (turn,) = read_turns([Message("user", "x"), Message("assistant", list(blocks))])
        return turn.is_part_of(TURN)

    assert said(text("One mo"))
    assert said(text("One moment."), USE)
    assert not said(text("One moment!"))
    assert not said({**USE, "name": "pay"})


def test_the_complete_answer_is_the_scripts_last_text_with_nothing_open() -> None:
    def answered(*messages: Message) -> bool:
        return read_turns([Message("user", "x"), *messages])[0].answers(TURN)

    assert answered(Message("assistant", "Done."))
    assert not answered(Message("assistant", [text("Done."), USE]))
    assert not answered(Message("assistant", "One moment."))


def test_an_empty_history_has_no_turns() -> None:
    assert read_turns([]) == ()
