"""What is written loads as the same scenario, whatever is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from harness.case import scenario_hash
from harness.lab.explore.invent import scenarios
from harness.scenario.document import parse
from harness.scenario.load import find, load, scenario_of
from harness.scenario.schema import Scenario
from harness.scenario.write import exact, text

SHELF = Path(__file__).parents[2] / "scenarios"


@settings(max_examples=60, deadline=None)
@given(scenarios())
def test_what_is_written_loads_as_the_same_scenario(scenario: Scenario) -> None:
    assert scenario_of(parse(text(scenario), "x")) == scenario


@pytest.mark.parametrize("path", find([SHELF]), ids=lambda path: path.name)
def test_the_library_written_again_says_the_same(path: Path) -> None:
    scenario = load(path).scenario
    assert scenario_of(parse(text(scenario), "x")) == scenario


@settings(max_examples=60, deadline=None)
@given(scenarios())
def test_what_is_stored_with_a_record_is_the_very_same_case(scenario: Scenario) -> None:
    again = scenario_of(parse(exact(scenario.dump()), "x"))
    assert scenario_hash(again.dump()) == scenario_hash(scenario.dump())


@pytest.mark.parametrize(
    "said", ["1e3", "on", "9:30", "null", "a\u2028b\x85c\ufeffd\x7f", "🙂 '\"\\"]
)
def test_words_that_look_like_something_else_stay_words(said: str) -> None:
    scenario = Scenario.model_validate({"name": said, "script": [{"user": said}]})
    assert scenario_of(parse(exact(scenario.dump()), "x")).dump() == scenario.dump()
