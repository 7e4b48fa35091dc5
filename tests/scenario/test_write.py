"""What is written loads as the same scenario, whatever is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from harness.lab.explore.invent import scenarios
from harness.scenario.document import parse
from harness.scenario.load import find, load, scenario_of
from harness.scenario.schema import Scenario
from harness.scenario.write import text

SHELF = Path(__file__).parents[2] / "scenarios"


@settings(max_examples=60, deadline=None)
@given(scenarios())
def test_what_is_written_loads_as_the_same_scenario(scenario: Scenario) -> None:
    assert scenario_of(parse(text(scenario), "x")) == scenario


@pytest.mark.parametrize("path", find([SHELF]), ids=lambda path: path.name)
def test_the_library_written_again_says_the_same(path: Path) -> None:
    scenario = load(path).scenario
    assert scenario_of(parse(text(scenario), "x")) == scenario
