"""What is wrong with a scenario's shape, said in the user's words and in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from harness.scenario.complaint import _FORMS, nearest, shown
from harness.scenario.document import parse
from harness.scenario.load import ScenarioError, scenario_of
from harness.scenario.schema import Scenario

SAY = "name: x\nscript:\n"


def refusal(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        scenario_of(parse(text, "a"))
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "name: x",
            [
                "a:1:1: expected the key `script`, got a mapping with name; add it, or let "
                "`harness init` write a first scenario"
            ],
        ),
        ("name: x\nscript: []", ["a:2:9: expected at least 1 item, got an empty list"]),
        ("name: ''\nscript: 5", None),
        (
            SAY + " - user: 5",
            [
                "a:3:10: expected text or a mapping with words, locale, got 5; quote it if it is "
                "text: '5'"
            ],
        ),
        (
            SAY + " - user: {wrds: 5}",
            ["a:3:11: expected a known key, got `wrds`; did you mean `words`?"],
        ),
        (SAY + " - user: {words: [5]}", ["a:3:18: expected item 2, got a list of 1; add it"]),
        (SAY + " - user: {words: [5, 2]}", ["a:3:10: expected words: [least, most], got [5, 2]"]),
        (SAY + " - user: {words: some}", ["a:3:18: expected a whole number or a list, got 'some'"]),
        (SAY + " - wait: 5", ["a:3:10: expected a duration such as 90s, 3m, 5h or 2d, got 5"]),
        (
            SAY + " - wait: 5h\n   user: x",
            ["a:4:4: expected a known key, got `user`; known are wait"],
        ),
        (
            SAY + " - {repeat: 3}",
            [
                "a:3:4: expected the key `user`, got a mapping with repeat; add what the user "
                "says: `user: hello`"
            ],
        ),
        (SAY + " - 5", ["a:3:4: expected a mapping with user, reply, pin, got 5; write `user: 5`"]),
        (
            SAY + " - {user: a, reply: {txt: b}}",
            ["a:3:22: expected a known key, got `txt`; did you mean `text`?"],
        ),
        (
            SAY + " - {user: a, reply: [{text: b}, {words: 0}]}",
            ["a:3:41: expected at least 1, got 0"],
        ),
        (SAY + " - user: a\n   reply: {one: 1, text: b}", None),
        (SAY + " - user: a\nseed: -1", ["a:4:7: expected at least 0, got -1"]),
        (
            SAY + " - user: a\nclock: {start: noon}",
            ["a:4:16: expected a time such as 2026-03-02T09:00:00Z, got 'noon'"],
        ),
        (
            SAY + " - user: a\ntools: {b: {contract: twice}}",
            ["a:4:23: expected 'idempotent', 'at_most_once' or 'at_least_once', got 'twice'"],
        ),
        (
            SAY + " - user: a\nfaults: [{}]",
            [
                "a:4:10: expected exactly one of crash, http, stream, disk, tool, writer, clock, "
                "damage, neighbour, redelivery, got an empty mapping"
            ],
        ),
        (
            SAY + " - user: a\nfaults: [{crash: {turn: 1, at: reply.receive}}]",
            ["a:4:32: expected a boundary, got 'reply.receive'; did you mean `reply.received`?"],
        ),
        (SAY + " - user: a\nfaults: [{http: {turn: 1, status: 200}}]", None),
    ],
)
def test_a_wrong_shape_is_said_in_its_place(text: str, lines: list[str] | None) -> None:
    got = refusal(text)
    assert all("function-after" not in line and "constrained" not in line for line in got)
    if lines is not None:
        assert got == lines


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (SAY + " - {user: a, reply: hello}", "got 'hello'; write `reply: {text: 'hello'}`"),
        (SAY + " - {user: a, reply: [hello]}", "got 'hello'; write `{text: 'hello'}`"),
        (SAY + f" - {{user: a, reply: {'x' * 50}}}", "xxx'; write `reply: {text: ...}`"),
        (SAY + " - {user: a, assistant: b}", "what is answered is `reply: {text: ...}`"),
        (SAY + " - user: {text: a}", "text stands there by itself: `user: 'a'`"),
        ("name: x\nscript: {user: a}", "with user; begin each item with `- `"),
        (
            SAY + " - user: a\nfaults: [{http: 529}]",
            "got 529; write `http: {turn: 1, status: 529}`",
        ),
        (
            SAY + " - user: a\nexpect: {cost_usd: 1.2}",
            "got 1.2; write `cost_usd: {max: 1.2}`",
        ),
        (SAY + " - user: a\nmodel: haiku", "got 'haiku'; write `model: {name: 'haiku'}`"),
        (
            SAY + " - {user: a, reply: {tool: pay}}",
            "there are none: add `tools: {pay: {returns: {ok: true}}}`",
        ),
    ],
)
def test_the_commonest_slips_are_shown_their_right_form(text: str, end: str) -> None:
    assert any(line.endswith(end) for line in refusal(text))


def test_each_form_that_is_shown_is_one() -> None:
    """What is advised must itself be accepted."""
    models = {model.__name__: model for model in _models(Scenario)}
    for name, form in _FORMS.items():
        value = "2026-03-02T09:00:00Z" if name == "Clock" else 5
        text = form.format(f"'{value}'" if name in ("Step", "Say", "Call", "Model") else value)
        assert models[name].model_validate(parse(text, "form").root.data()), name


def _models(model: type[BaseModel], seen: set[type] | None = None) -> Iterator[type[BaseModel]]:
    """A model and all that stand in its fields."""
    seen = set() if seen is None else seen
    if model not in seen:
        seen.add(model)
        yield model
        for field in model.model_fields.values():
            for part in _parts(field.annotation):
                yield from _models(part, seen)


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def test_an_unknown_disk_operation_lists_what_there_is() -> None:
    text = SAY + " - user: a\nfaults: [{crash: {turn: 1, at: melt checkpoint}}]"
    assert "a disk operation such as 'write checkpoint'" in refusal(text)[0]


def test_an_error_inside_a_branch_hides_the_other_branches() -> None:
    """One wrong key in `user` is one complaint, not one for text and one for words."""
    assert len(refusal(SAY + " - user: {words: 5, local: de_DE}")) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        ({}, "an empty mapping"),
        ({"a": 1}, "a mapping with a"),
        ([], "an empty list"),
        ([1, 2], "a list of 2"),
        ("x" * 100, "'" + "x" * 56 + "..."),
    ],
)
def test_values_are_shown_as_a_person_would_say_them(value: object, text: str) -> None:
    assert shown(value) == text


def test_the_nearest_name_is_offered_or_all_of_them() -> None:
    assert nearest("replay", ["user", "reply"]) == "did you mean `reply`?"
    assert nearest("zzz", ["user", "reply"]) == "known are user, reply"
