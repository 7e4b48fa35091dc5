"""The printed command works as printed: it names what a replay would not find by itself."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.replay import replay_command, replay_of
from harness.report.result import Result


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("scenarios/resume/x.scenario.yaml", ""),
        ("scenarios/ci/resume/x/scenario.json", ""),
        ("lib/x.scenario.yaml", " --in lib/x.scenario.yaml"),
        ("x.scenario.yaml", " --in x.scenario.yaml"),
        ("/abs/scenarios/x.scenario.yaml", " --in /abs/scenarios/x.scenario.yaml"),
        ("../scenarios/x.scenario.yaml", " --in ../scenarios/x.scenario.yaml"),
        # On the shelf, but a folder is not searched for files of such names.
        ("scenarios/x.yaml", " --in scenarios/x.yaml"),
        ("scenarios/.old/x.scenario.yaml", " --in scenarios/.old/x.scenario.yaml"),
        ("my scenarios/x.scenario.yaml", " --in 'my scenarios/x.scenario.yaml'"),
    ],
)
def test_a_scenario_that_is_not_on_the_shelf_is_named(scenario: str, said: str) -> None:
    assert replay_command("hx1-x", scenario) == f"harness replay hx1-x{said}"


def test_a_target_of_ones_own_and_a_stored_scenario_are_named(
    result_of: Callable[..., Result],
) -> None:
    result = result_of()
    header = replace(result.record.header, volatile={"target": "mine.py:Mine --python 'my py'"})
    mine = replace(
        result, record=replace(result.record, header=header), scenario_file=".kept/x.json"
    )
    assert replay_of(mine, "hx1-x") == (
        "harness replay hx1-x --in .kept/x.json --target mine.py:Mine --python 'my py'"
    )


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
def test_a_shell_reads_back_whatever_the_path_is(path: str) -> None:
    words = shlex.split(replay_command("hx1-x", f"lib/{path}"))
    assert words == ["harness", "replay", "hx1-x", "--in", f"lib/{path}"]
