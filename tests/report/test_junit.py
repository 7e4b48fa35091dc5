"""JUnit XML."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from harness.checks.verdict import Finding
from harness.report.junit import junit
from harness.report.result import Result, Run


def test_failures_and_errors_are_counted_and_told(sample_run: Run) -> None:
    suites = ElementTree.fromstring(junit(sample_run))
    suite = suites[0]
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped", "time")}
    assert counts == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "0",
        "time": "1.240",
    }
    failure = suite.find("testcase[@name='kill_before_tool_result']/failure")
    assert failure is not None
    assert failure.get("type") == "P2"
    assert failure.get("message") == "P2 book_table ran twice for one request"
    assert "harness replay hx1-" in str(failure.text)
    error = suite.find("testcase[@classname='scenarios.wire']/error")
    assert error is not None
    assert str(error.get("message")).startswith("fault 1 (http 529 in turn 5) never fired")


def test_a_kept_scenario_has_no_trouble_and_names_its_token(sample_run: Run) -> None:
    case = ElementTree.fromstring(junit(sample_run))[0][0]
    assert [child.tag for child in case] == ["properties"]
    assert case[0][0].get("value") == sample_run.results[0].record.header.token


@given(message=st.text())
def test_any_message_makes_well_formed_xml(message: str, result_of: Callable[..., Result]) -> None:
    """Law: control characters and surrogates of a message never break the document."""
    result = result_of(outcome="fail", findings=(Finding("P1", "kill", 1, message, message, ""),))
    text = junit(Run((result,), 1))
    case = ElementTree.fromstring(text.encode())[0][0]
    assert case.find("failure") is not None


def test_two_scenarios_of_one_name_in_two_folders_stay_apart(
    result_of: Callable[..., Result],
) -> None:
    text = junit(Run((result_of("a/x"), result_of("b/x")), 2))
    names = [case.get("classname") for case in ElementTree.fromstring(text)[0]]
    assert names == ["scenarios.a", "scenarios.b"]
