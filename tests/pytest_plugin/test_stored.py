"""A scenario written in Python is stored when it breaks, and the printed line finds it there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.scenario.load import load

pytest_plugins = ["pytester"]

WRITTEN = """
    from harness.scenario.schema import Say, Scenario

    def test_it(scenario_run):
        played = Scenario(name={name!r}, script=(Say(user="hi"),))
        assert scenario_run(played).outcome == "pass"
"""


def _named(ran: pytest.RunResult) -> str:
    (line,) = [line for line in ran.outlines if "replay:" in line]
    match = re.fullmatch(r"  replay:  harness replay hx1-\S+ --in (\S+)", line)
    assert match is not None, line
    return match[1]


def test_the_line_names_a_file_in_pytests_cache_that_is_the_scenario(
    inner: pytest.Pytester,
) -> None:
    ran = inner.runpytest_inprocess(inner.makepyfile(test_py=WRITTEN.format(name="broken")))
    ran.assert_outcomes(failed=1)
    path = _named(ran)
    assert path.startswith(".pytest_cache/d/harness-scenarios/")
    assert load(inner.path / path).scenario.name == "broken"


def test_without_a_cache_the_file_lies_in_a_temporary_folder(inner: pytest.Pytester) -> None:
    name = inner.makepyfile(test_py=WRITTEN.format(name="broken"))
    path = Path(_named(inner.runpytest_inprocess(name, "-p", "no:cacheprovider")))
    assert load(path).scenario.name == "broken"
    path.unlink()
    path.parent.rmdir()


def test_what_a_report_has_stored_already_is_named_there(inner: pytest.Pytester) -> None:
    stored = inner.path / "out/test_py/test_it/scenario.json"
    stored.parent.mkdir(parents=True)
    stored.write_text("stands for the lab's")
    name = inner.makepyfile(test_py=WRITTEN.format(name="broken"))
    ran = inner.runpytest_inprocess(name, "--harness-report=out")
    assert _named(ran) == "out/test_py/test_it/scenario.json"


def test_what_passes_or_is_a_file_is_stored_nowhere(inner: pytest.Pytester) -> None:
    name = inner.makepyfile(test_py=WRITTEN.format(name="kept"))
    inner.runpytest_inprocess(name, "scenarios").assert_outcomes(passed=2, failed=1, errors=1)
    assert not (inner.path / ".pytest_cache/d/harness-scenarios").exists()
