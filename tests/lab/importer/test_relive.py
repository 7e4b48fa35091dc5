"""An imported session breaks where its file broke, and the reference stack lives on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.lab import play as lab
from harness.lab.importer.read import ImportRefused, read
from harness.lab.importer.relive import GO_ON, relive, written
from harness.report.result import Result
from harness.scenario import document
from harness.scenario.document import BYTES_MAX, parse
from harness.scenario.load import Loaded, accept, load, scenario_of
from harness.scenario.schema import Scenario

HELLO = {"role": "user", "content": "hello"}
HI = {"role": "assistant", "content": "hi"}
PAY = {"role": "user", "content": "pay bob"}
CALL = {
    "role": "assistant",
    "content": [
        {"type": "text", "text": "Paying."},
        {"type": "tool_use", "id": "toolu_9", "name": "pay", "input": {"to": "bob"}},
    ],
}
RESULT = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "toolu_9", "content": '{"paid": true}'}],
}
PAID = {"role": "assistant", "content": "Paid."}


def _scenario(tmp_path: Path, *messages: Any, tail: bytes = b"") -> Scenario:
    path = tmp_path / "session.jsonl"
    path.write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in messages) + tail)
    scenario = relive(read(path), path.name)
    accept(scenario, "imported")
    return scenario


def _play(scenario: Scenario, target: str) -> Result:
    return lab.play([Loaded("imported", scenario)], target=target).results[0]


def test_a_whole_session_is_lived_through_without_a_fault(tmp_path: Path) -> None:
    scenario = _scenario(tmp_path, HELLO, HI, PAY, CALL, RESULT, PAID)
    assert scenario.dump()["script"] == [
        {"user": "hello", "reply": {"text": "hi"}},
        {
            "user": "pay bob",
            "reply": [
                {"text": "Paying.", "tool": "pay", "input": {"to": "bob"}},
                {"text": "Paid."},
            ],
        },
        {"user": GO_ON, "reply": {"text": "Of course."}},
    ]
    assert scenario.tools["pay"].returns == {"paid": True}
    assert scenario.faults == ()
    assert "Nothing is wrong with its shape." in scenario.about
    assert _play(scenario, "lifecycle").outcome == "pass"


@pytest.mark.parametrize(
    ("messages", "tail", "fault", "code"),
    [
        ((HELLO, HI, PAY), b"", {"crash": {"turn": 2, "at": "request.sent"}}, "P5"),
        ((PAY, PAY, PAY), b"", {"crash": {"turn": 1, "at": "request.sent"}}, "P5"),
        (
            (HELLO, HI, PAY, CALL),
            b"",
            {"tool": {"turn": 2, "crash": "after_effect", "call": 1}},
            "P2",
        ),
        ((HELLO, HI), b'{"role": "us', {"crash": {"turn": 1, "at": "reply.received"}}, "P5"),
        ((HELLO,), b'{"role": "as', {"crash": {"turn": 1, "at": "reply.received"}}, "P5"),
    ],
)
def test_it_dies_where_the_file_stops(
    tmp_path: Path, messages: Any, tail: bytes, fault: dict[str, Any], code: str
) -> None:
    scenario = _scenario(tmp_path, *messages, tail=tail)
    assert scenario.dump()["faults"] == [fault]
    assert _play(scenario, "lifecycle").outcome == "pass"
    naive = _play(scenario, "naive")
    assert code in {finding.code for finding in naive.verdict.findings}


def test_what_no_script_can_say_again_is_told(tmp_path: Path) -> None:
    scenario = _scenario(tmp_path, HI, HELLO, RESULT, HI)
    assert scenario.about.count("Line 1") == 1
    assert "Line 1, an answer before any question, is left out: a script" in scenario.about
    assert "answers a call that is not in the file: toolu_9." in scenario.about
    assert len(scenario.script) == 2


def test_what_a_script_has_no_line_for_is_named_once_with_a_reason(tmp_path: Path) -> None:
    rules = {"role": "system", "content": "be brief"}
    result = {"role": "tool", "content": "42"}
    about = _scenario(tmp_path, rules, HELLO, result, result, HI).about
    assert about.count("Line 1 (role system) is left out: a script holds what users and") == 1
    assert "what a stack is told is `stack: {system: ...}`" in about
    assert "Lines 3, 4 (role tool) are left out: " in about


@pytest.mark.parametrize("messages", [(HI,), (RESULT, PAID)])
def test_a_file_in_which_no_user_speaks_is_refused(tmp_path: Path, messages: Any) -> None:
    with pytest.raises(ImportRefused, match="expected a message that a user wrote, got answers"):
        _scenario(tmp_path, *messages)


def test_a_log_of_the_reference_stack_is_read_too(tmp_path: Path) -> None:
    story = load(Path("scenarios/resume/kill_before_tool_result.scenario.yaml"))
    token = lab.play([story]).results[0].record.header.token
    lab.replay(token, [story], keep=tmp_path)
    (log,) = (tmp_path / "crash-1-after").rglob("turns.jsonl")
    scenario = relive(read(log), log.name)
    assert scenario.dump()["faults"] == [{"tool": {"turn": 6, "crash": "after_effect", "call": 1}}]
    assert _play(scenario, "lifecycle").outcome == "pass"
    assert "P2" in {finding.code for finding in _play(scenario, "naive").verdict.findings}


def test_a_call_without_a_result_is_told_by_its_own_line(tmp_path: Path) -> None:
    about = _scenario(tmp_path, HELLO, HI, PAY, CALL).about
    assert "Turn 2 (line 4) calls toolu_9 without a result: it dies there." in about
    other = {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "toolu_10", "name": "pay", "input": {}}],
    }
    about = _scenario(tmp_path, PAY, CALL, other).about
    assert "Turn 1 (lines 2, 3) calls toolu_9, toolu_10 without a result" in about


def test_what_is_written_loads_as_the_same_scenario(tmp_path: Path) -> None:
    scenario = _scenario(tmp_path, HELLO, HI, PAY, CALL, RESULT, PAID)
    assert scenario_of(parse(written(scenario, "x"), "x")) == scenario


@pytest.mark.parametrize("size", [BYTES_MAX + 1, BYTES_MAX - 1])
def test_a_scenario_that_no_run_would_read_is_refused(tmp_path: Path, size: int) -> None:
    scenario = _scenario(tmp_path, {"role": "user", "content": "x" * size})
    with pytest.raises(ImportRefused) as refused:
        written(scenario, "session.jsonl")
    told = str(refused.value)
    assert told.startswith("session.jsonl: expected a conversation of at most 4 MB as a scenario")
    assert told.endswith("give the messages around the break, or shorten the longest")


@pytest.mark.parametrize("result", ['{"a": NaN}', json.dumps("\ud800"), "[" * 3000 + "]" * 3000])
def test_a_result_that_no_scenario_can_hold_as_a_value_stays_text(
    tmp_path: Path, result: str
) -> None:
    block = {"type": "tool_result", "tool_use_id": "toolu_9", "content": result}
    scenario = _scenario(tmp_path, PAY, CALL, {"role": "user", "content": [block]}, PAID)
    assert scenario.tools["pay"].returns == result
    assert scenario_of(parse(written(scenario, "x"), "x")) == scenario


def test_more_values_than_a_scenario_may_hold_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "VALUES_MAX", 40)
    call = {"type": "tool_use", "id": "t", "name": "pay", "input": {"sums": [0] * 60}}
    scenario = _scenario(tmp_path, PAY, {"role": "assistant", "content": [call]})
    with pytest.raises(ImportRefused) as refused:
        written(scenario, "session.jsonl")
    told = "session.jsonl: expected what a scenario can hold, got something else: at most 40 values"
    assert str(refused.value).startswith(told)
