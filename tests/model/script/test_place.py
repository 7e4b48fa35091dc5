"""Where a history stands is read from the history alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.mock import MockModel
from harness.model.request import parse
from harness.model.script.index import Index
from harness.model.script.place import Place, find_place
from harness.scenario.plan import Plan, plan
from harness.scenario.schema import Model, Scenario

TOOLS = [
    {"user": "hello", "reply": {"text": "Hello to you."}},
    {
        "user": "book",
        "reply": [
            {"text": "Let me see.", "tool": "book", "input": {"seats": 2}},
            {"tool": "pay", "input": {}},
            {"text": "Done and paid."},
        ],
    },
    {"user": "thanks", "reply": {"text": "You are welcome."}},
]
PINGS = [{"repeat": 6, "user": "ping", "reply": {"text": "pong"}}]


def planned(script: list[Any]) -> Plan:
    """The plan of a script."""
    return plan(Scenario.model_validate({"name": "a place", "script": script}), 1)


def user(content: Any) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": content}


def said(content: Any) -> dict[str, Any]:
    """An assistant message."""
    return {"role": "assistant", "content": content}


def results(*calls: str) -> dict[str, Any]:
    """Results of these calls."""
    return user([{"type": "tool_result", "tool_use_id": call, "content": "ok"} for call in calls])


def place(script: list[Any], messages: list[Any], spoken: int | None = None) -> Place | None:
    """Where these messages stand."""
    request = parse({"model": "x", "messages": messages})
    return find_place(Index(planned(script)), request.messages, spoken)


def step_blocks(made: Plan, turn: int, step: int) -> list[dict[str, Any]]:
    """A step as an assistant message's content."""
    one = made.turn(turn).steps[step]
    blocks: list[dict[str, Any]] = [{"type": "text", "text": one.text}] if one.text else []
    return blocks + [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.input)}
        for call in one.calls
    ]


def history(made: Plan, turn: int, steps: int) -> list[Any]:
    """Everything up to `steps` steps into a turn."""
    messages: list[Any] = []
    for one in made.turns[:turn]:
        messages.append(user(one.user))
        done = len(one.steps) if one.number < turn else steps
        for number in range(done):
            messages.append(said(step_blocks(made, one.number, number)))
            if one.steps[number].calls:
                messages.append(results(*(call.id for call in one.steps[number].calls)))
    return messages


def test_every_step_follows_from_the_history_before_it() -> None:
    made = planned(TOOLS)
    for turn in made.turns:
        for step in range(len(turn.steps)):
            assert place(TOOLS, history(made, turn.number, step)) == Place(turn.number, step)


def test_a_trimmed_history_stands_where_the_whole_one_does() -> None:
    made = planned(TOOLS)
    whole = history(made, 3, 0)
    assert place(TOOLS, whole[-1:]) == place(TOOLS, whole) == Place(3, 0)


def test_a_turn_that_was_answered_has_nothing_more_to_say() -> None:
    made = planned(TOOLS)
    assert place(TOOLS, [*history(made, 1, 1), user("Please summarise.")]) is None


def test_a_text_that_was_cut_goes_on_where_it_stopped() -> None:
    book = [user("hello"), said("Hello to"), user("Continue.")]
    assert place(TOOLS, book) == Place(1, 0, len("Hello to"))
    again = [*book, said(" yo"), user("Continue.")]
    assert place(TOOLS, again) == Place(1, 0, len("Hello to yo"))
    assert place(TOOLS, [*again, said("u.")]) is None


def test_a_stack_that_trims_white_space_is_understood() -> None:
    cut = [user("hello"), said("Hello"), user("Continue."), said("to"), user("Continue.")]
    assert place(TOOLS, cut) == Place(1, 0, len("Hello to"))


def test_a_step_cut_between_its_text_and_its_call_goes_on_with_the_call() -> None:
    cut = [user("book"), said("Let me see."), user("Continue.")]
    assert place(TOOLS, cut) == Place(2, 0, len("Let me see."))


def test_pieces_put_together_count_as_the_step() -> None:
    assert place(TOOLS, [user("hello"), said("Hello to you."), user("x")]) is None


def test_a_reply_in_other_words_counts_as_a_step() -> None:
    assert place(TOOLS, [user("book"), said("Something else.")]) == Place(2, 1)


def test_an_interrupted_call_with_a_made_up_result_goes_on() -> None:
    made = planned(TOOLS)
    messages = [user("book"), said(step_blocks(made, 2, 0)), results(made.turn(2).calls[0].id)]
    assert place(TOOLS, messages) == Place(2, 1)


def test_a_dangling_user_message_sent_again_is_the_same_turn() -> None:
    assert place(TOOLS, [user("hello"), user("hello")]) == Place(1, 0)
    assert place(TOOLS, [user("hello"), said("Hello to you."), user("book"), user("book")]) == (
        Place(2, 0)
    )


def test_results_and_text_in_one_message_are_of_the_texts_turn() -> None:
    made = planned(TOOLS)
    call = made.turn(2).steps[0].calls[0].id
    both = results(call)
    both["content"].append({"type": "text", "text": "thanks"})
    messages = [user("book"), said(step_blocks(made, 2, 0)), both]
    assert place(TOOLS, messages) == Place(3, 0)


def test_turns_alike_are_told_apart_by_how_many_were_answered() -> None:
    messages: list[Any] = []
    for number in range(1, 7):
        messages.append(user("ping"))
        assert place(PINGS, messages) == Place(number, 0)
        messages.append(said("pong"))


def test_turns_alike_in_a_trimmed_history_are_told_apart_by_what_was_spoken() -> None:
    messages = [user("ping"), said("pong"), user("ping")]
    assert place(PINGS, messages, spoken=5) == Place(5, 0)
    assert place(PINGS, messages) == Place(2, 0)


def test_a_turn_named_earlier_decides_before_what_was_spoken() -> None:
    script = [{"user": "hello", "reply": {"text": "Hi."}}, *PINGS]
    messages = [user("hello"), said("Hi."), user("ping")]
    assert place(script, messages, spoken=2) == Place(2, 0)
    assert place(script, [*messages, said("pong"), user("ping")], spoken=3) == Place(3, 0)


def test_what_was_spoken_decides_nothing_between_turns_that_differ() -> None:
    assert place(TOOLS, [user("hello")], spoken=3) == Place(1, 0)


def test_a_request_that_no_line_fits_is_answered_off_script(desk: Callable[..., Any]) -> None:
    here = desk(TOOLS)
    answer = here.post([user("Tell me a story.")])
    assert (answer.status, answer.row.turn, answer.row.step) == (200, None, None)
    assert answer.said
    assert here.post([user("Tell me a story.")]).said == answer.said


@given(st.integers(1, 3), st.data())
@settings(max_examples=30)
def test_the_same_request_hears_the_same_whoever_asked_before(turn: int, data: Any) -> None:
    made = planned(TOOLS)
    step = data.draw(st.integers(0, len(made.turn(turn).steps) - 1))
    request = parse({"model": "x", "messages": history(made, turn, step)})
    index = Index(made)
    for other in data.draw(st.lists(st.integers(1, 3), max_size=4)):
        find_place(index, parse({"model": "x", "messages": history(made, other, 0)}).messages)
    assert find_place(index, request.messages) == Place(turn, step)


def test_the_desk_without_a_plan_answers_anything_valid() -> None:
    model = MockModel(None, model=Model())
    assert (
        find_place(model._index, parse({"model": "x", "messages": [user("hi")]}).messages) is None
    )
