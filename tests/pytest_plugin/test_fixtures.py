"""What tests are given, used in a pytest of its own over a lab that plays nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.report.result import Result

pytest_plugins = ["pytester"]


def test_a_test_plays_files_loaded_ones_and_scenarios(
    inner: pytest.Pytester, fake_lab: Any
) -> None:
    name = inner.makepyfile(
        test_it="""
        from pathlib import Path
        from harness.scenario.load import load
        from harness.scenario.schema import Say, Scenario

        def test_all(scenario_run):
            path = "scenarios/kept.scenario.yaml"
            assert scenario_run(path).outcome == "pass"
            assert scenario_run(Path(path), target="naive", seed=5).outcome == "pass"
            assert scenario_run(load(Path(path))).outcome == "pass"
            written = Scenario(name="kept", script=(Say(user="hi"),))
            assert scenario_run(written).story == "test_it/test_all"
        """
    )
    inner.runpytest_inprocess(name).assert_outcomes(passed=1)
    assert [(o["target"], o["seed"]) for o in fake_lab.options] == [
        ("lifecycle", None),
        ("naive", 5),
        ("lifecycle", None),
        ("lifecycle", None),
    ]


def test_a_failing_test_shows_the_screen_of_what_it_played(inner: pytest.Pytester) -> None:
    name = inner.makepyfile(
        """
        def test_it(scenario_run):
            assert scenario_run("scenarios/broken.scenario.yaml").outcome == "pass"
        """
    )
    ran = inner.runpytest_inprocess(name)
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["*- harness -*", "FAIL  scenarios/broken  on naive*"])


def test_the_scenario_marker_says_what_is_played(inner: pytest.Pytester, fake_lab: Any) -> None:
    name = inner.makepyfile(
        """
        import pytest

        @pytest.mark.scenario("scenarios/kept.scenario.yaml", target="naive", seed=4)
        def test_marked(scenario_run):
            assert scenario_run().outcome == "pass"

        def test_unmarked(scenario_run):
            scenario_run()
        """
    )
    ran = inner.runpytest_inprocess(name, "--strict-markers", "--harness-target=other")
    ran.assert_outcomes(passed=1, failed=1)
    ran.stdout.fnmatch_lines(["*scenario_run() plays nothing: give it a scenario*"])
    assert [(o["target"], o["seed"]) for o in fake_lab.options] == [("naive", 4)]


def test_a_scenario_in_python_is_checked_like_a_file(inner: pytest.Pytester) -> None:
    name = inner.makepyfile(
        """
        import pytest
        from harness.scenario.load import ScenarioError
        from harness.scenario.faults import Fault, Http
        from harness.scenario.schema import Say, Scenario

        def test_it(scenario_run):
            fault = Fault(http=Http(turn=9, status=529))
            with pytest.raises(ScenarioError, match=r"faults\\[0\\].http.turn: expected a turn"):
                scenario_run(Scenario(name="x", script=(Say(user="hi"),), faults=(fault,)))
        """
    )
    inner.runpytest_inprocess(name).assert_outcomes(passed=1)


def test_limits_of_markers_fail_the_test_with_both_numbers(
    inner: pytest.Pytester, fake_lab: Any, result_of: Callable[..., Result]
) -> None:
    result = result_of()
    result.record.add("model.answered", at_ns=0, life=1, turn=1, prompt_tokens=900)
    fake_lab.result_of = lambda *_args, **_options: result
    name = inner.makepyfile(
        """
        import pytest

        @pytest.mark.max_request_tokens(900)
        @pytest.mark.max_cost_usd(0.2613)
        def test_kept(scenario_run):
            scenario_run("scenarios/kept.scenario.yaml")

        @pytest.mark.max_request_tokens(899)
        def test_tokens(scenario_run):
            scenario_run("scenarios/kept.scenario.yaml")

        @pytest.mark.max_cost_usd(0.2)
        def test_cost(scenario_run):
            scenario_run("scenarios/kept.scenario.yaml")

        @pytest.mark.crash_points("some")
        def test_points(scenario_run):
            scenario_run("scenarios/kept.scenario.yaml")
        """
    )
    ran = inner.runpytest_inprocess(name, "--strict-markers")
    ran.assert_outcomes(passed=1, failed=3)
    ran.stdout.fnmatch_lines_random(
        [
            "*expected requests of at most 899 prompt tokens, got one of 900",
            "*expected to spend at most 0.2 US dollars, got 0.2613",
            "*crash_points: expected all or a number of states from 1, got 'some'*",
        ]
    )


def test_session_dir_is_empty_and_private(session_dir: Path) -> None:
    assert list(session_dir.iterdir()) == []
    assert session_dir.stat().st_mode & 0o777 == 0o700


def test_virtual_clock_is_a_fixture(virtual_clock: Any) -> None:
    before = time.time()
    time.sleep(60)
    virtual_clock.advance("5h")
    assert time.time() - before == 18_060
    assert virtual_clock.now_ns == time.time_ns()


def test_the_markers_limits_hold_for_mock_claude_too(alone: pytest.Pytester) -> None:
    name = alone.makepyfile(
        """
        import anthropic, pytest

        @pytest.mark.max_request_tokens(3)
        def test_it(mock_claude):
            ask = {"role": "user", "content": "What is the capital of France?"}
            anthropic.Anthropic().messages.create(
                model="claude-sonnet-5-5", max_tokens=9, messages=[ask]
            )
        """
    )
    ran = alone.runpytest_inprocess(name)
    ran.assert_outcomes(passed=1, errors=1)
    ran.stdout.fnmatch_lines(["mock_claude: expected requests of at most 3 prompt tokens, got*"])
