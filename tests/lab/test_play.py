"""The one door: play, replay and check agree, and nothing is left behind."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from harness.case import TokenError
from harness.checks.judge import judge
from harness.lab.crashes import sweep as sweeping
from harness.lab.crashes.base import Base
from harness.lab.crashes.sweep import CUT_SHORT
from harness.lab.play import check, play, replay
from harness.lab.targets import TargetError
from harness.record import RecordError
from harness.report.result import Result
from harness.report.screen import screen
from harness.scenario.load import Loaded, ScenarioError, find, load
from harness.scenario.schema import Scenario
from tests.conftest import ODD
from tests.living import living


def _loaded(name: str = "x", **fields: Any) -> Loaded:
    script = [{"repeat": 3, "every": "3m", "user": {"words": 9}, "reply": {"words": 12}}]
    fields = {"name": name, "script": script, "stack": {"window_tokens": 8000}, **fields}
    return Loaded(f"somewhere/{name}.scenario.yaml", Scenario.model_validate(fields))


CRASH = {"faults": [{"crash": {"turn": 2, "at": "reply.received"}}]}


def test_the_reference_stack_keeps_every_promise_and_the_naive_one_does_not() -> None:
    loaded = _loaded(**CRASH)
    assert play([loaded]).exit_code == 0
    run = play([loaded], target="naive")
    assert run.exit_code == 1
    assert {finding.code for finding in run.results[0].verdict.findings} == {"P5"}


def test_a_token_replays_the_same_finding_alone(tmp_path: Path) -> None:
    loaded = _loaded(**CRASH)
    (first,) = play([_loaded("y"), loaded], target="naive").results[1:]
    (finding, *_rest) = first.verdict.findings
    again = replay(finding.token, [_loaded("y"), loaded], keep=tmp_path / "keep")
    assert again.verdict == first.verdict
    assert again.record.events == first.record.events
    assert (tmp_path / "keep" / "crash-1-after").is_dir()


def test_a_stored_record_is_judged_the_same_without_running_anything(tmp_path: Path) -> None:
    (result,) = play([_loaded(**CRASH)], target="naive", report=tmp_path).results
    stored = tmp_path / "somewhere" / "x" / "record.jsonl"
    assert check(stored).verdict == result.verdict
    verdict = json.loads((stored.parent / "verdict.json").read_text(encoding="utf-8"))
    assert verdict["outcome"] == "fail"
    with pytest.raises(RecordError):
        check(tmp_path / "nothing.jsonl")


def test_a_scenario_that_was_written_in_python_is_found_again_beside_its_record(
    tmp_path: Path,
) -> None:
    (result,) = play([_loaded(**CRASH)], target="naive", report=tmp_path).results
    (path,) = find([tmp_path])
    assert path.name == "scenario.json"
    again = replay(result.verdict.findings[0].token, [load(path)])
    assert again.verdict == result.verdict


def test_two_runs_with_one_seed_differ_in_nothing_but_what_is_volatile(tmp_path: Path) -> None:
    records = []
    for folder in ("one", "two"):
        play([_loaded(**CRASH)], report=tmp_path / folder)
        text = (tmp_path / folder / "somewhere" / "x" / "record.jsonl").read_text(encoding="utf-8")
        header, _, events = text.partition("\n")
        records.append(({**json.loads(header)["header"], "volatile": None}, events))
    assert records[0] == records[1]


def test_another_seed_says_something_else() -> None:
    texts = []
    for seed in (1, 2):
        (result,) = play([_loaded()], seed=seed).results
        assert result.record.header.seed == seed
        texts.append([event.data["text"] for event in result.record.of("user.received")])
    assert texts[0] != texts[1]


def test_results_come_in_the_order_of_the_scenarios_whoever_plays_them() -> None:
    seen: list[str] = []
    scenarios = [_loaded(name) for name in ("a", "b", "c", "d")]
    run = play(scenarios, jobs=2, on_result=lambda result: seen.append(result.name))
    assert [result.name for result in run.results] == ["a", "b", "c", "d"]
    assert sorted(seen) == ["a", "b", "c", "d"]
    assert run.planned == 4


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"faults": [{"crash": {"turn": 2, "at": "tool.called"}}]}, "never fired"),
        (
            {"script": [{"user": "hi", "reply": [{"text": "one"}, {"text": "never said"}]}]},
            "never used",
        ),
    ],
)
def test_what_never_happened_is_invalid(fields: dict[str, Any], reason: str) -> None:
    run = play([_loaded(**fields)])
    assert run.exit_code == 3
    assert reason in " ".join(run.results[0].verdict.reasons)


def test_a_target_that_cannot_be_had_ends_it_before_anything_is_played() -> None:
    seen: list[object] = []
    for name in ("nobody", f"{ODD}:Nobody", f"{ODD}:NoTarget"):
        with pytest.raises(TargetError):
            play([_loaded()], target=name, on_result=seen.append)
    assert not seen


def test_a_target_whose_open_takes_something_else_is_a_wrong_target_not_a_broken_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.py"
    path.write_text("class T:\n    name = 't'\n    def open(self, home): ...\n", encoding="utf-8")
    with pytest.raises(
        TargetError, match=r"^--target mine.py:T cannot be opened: mine.py: T.open "
    ):
        play([_loaded()], target=f"{path}:T")


def test_a_token_of_nothing_at_hand_says_what_is_missing() -> None:
    loaded = _loaded()
    (result,) = play([loaded], target=f"{ODD}:Echo").results
    token = result.record.header.token
    with pytest.raises(LookupError, match=r"--target path/to/file\.py:Class"):
        replay(token, [loaded])
    with pytest.raises(LookupError, match="not the target that the token names"):
        replay(token, [loaded], target="naive")
    with pytest.raises(LookupError, match=r"changed since, or lies elsewhere \(--in PATHS\)"):
        replay(token, [_loaded("other")], target=f"{ODD}:Echo")
    with pytest.raises(TokenError):
        replay("nonsense", [loaded])
    assert replay(token, [loaded], target=f"{ODD}:Echo").verdict == result.verdict


def test_ctrl_c_reports_what_was_done_and_leaves_no_process() -> None:
    mark = f"{os.getpid()}-ctrl-c-in-the-lab"
    code = f"""
        import os, signal, threading
        # These tests may themselves run where a shell has switched it off.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from harness.lab.play import play
        from harness.scenario.load import Loaded
        from harness.scenario.schema import Scenario
        def one(name, text):
            script = [{{"user": text, "reply": {{"text": "x"}}}}]
            return Loaded(name, Scenario.model_validate({{"name": name, "script": script}}))
        def done(result):
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        target = {str(ODD) + ":Echo"!r}
        run = play([one("quick", "hello"), one("endless", "hang")], target=target, on_result=done)
        print(run.interrupted, run.exit_code, [result.name for result in run.results], run.planned)
    """
    runner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MARK_OF_THIS_TEST": mark},
    )
    out, _ = runner.communicate(timeout=60)
    assert out.strip() == "True 2 ['quick'] 2"
    assert living(mark) == []


def test_a_story_whose_sweep_is_interrupted_is_told_as_far_as_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped_at_once(base: Base, *_: Any, **__: Any) -> Result:
        played = Result(base.loaded.path, "", base.record, judge(base.record), 0.0)
        verdict = dataclasses.replace(played.verdict, outcome="invalid", reasons=(CUT_SHORT,))
        raise sweeping.Interrupted(dataclasses.replace(played, verdict=verdict))

    monkeypatch.setattr(sweeping, "sweep", stopped_at_once)
    story = _loaded(
        "swept", script=[{"user": "hi", "reply": {"text": "x"}}], sweep={"disk": ["kill"]}
    )
    (result,) = play([story]).results
    assert (result.outcome, result.verdict.reasons) == ("invalid", (CUT_SHORT,))
    assert next(result.record.of("ended"))


def test_a_disk_error_of_the_script_that_an_opening_meets_is_told_and_it_is_opened_again() -> None:
    faults = [
        {"crash": {"turn": 2, "at": "user.received"}},
        {"disk": {"turn": 2, "on": "write", "error": "ENOSPC"}},
    ]
    script = [{"user": f"Question {n}?", "reply": {"text": f"{n}."}} for n in range(3)]
    (result,) = play([_loaded("full", script=script, faults=faults)]).results
    assert (result.outcome, result.verdict.reasons) == ("pass", ())
    (failed,) = result.record.of("open.failed")
    assert "No space left" in str(failed.data["error"])


def test_two_jobs_give_the_records_of_one() -> None:
    scenarios = [_loaded(f"s{number}", seed=number, **CRASH) for number in range(6)]
    one, two = (play(scenarios, jobs=jobs) for jobs in (1, 2))
    assert two.exit_code == 0
    for left, right in zip(one.results, two.results, strict=True):
        assert left.record.events == right.record.events


def test_a_model_that_the_mock_does_not_know_is_the_scenarios_mistake() -> None:
    with pytest.raises(ScenarioError, match=r"expected a model of the catalogue .* got 'claude-2'"):
        play([_loaded(model={"name": "claude-2"})])


def test_a_target_that_phones_out_while_it_is_imported_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "phones.py"
    path.write_text(
        "import urllib.request\nurllib.request.urlopen('http://192.0.2.1/')\nclass T: ...\n",
        encoding="utf-8",
    )
    with pytest.raises(TargetError, match="the network is shut during a run"):
        play([_loaded()], target=f"{path}:T")


def test_a_result_says_how_its_target_is_named_to_replay_it() -> None:
    (result,) = play([_loaded()], target=f"{ODD}:Echo").results
    assert str(result.record.header.volatile["target"]).endswith("tests/stacks/odd.py:Echo")
    assert any(
        "--target" in span.text and "odd.py:Echo" in span.text
        for line in screen(result, 80)
        for span in line
    )


def test_a_report_that_cannot_be_stored_takes_no_verdict_away(tmp_path: Path) -> None:
    (tmp_path / "somewhere").write_text("a file where a folder should be")
    run = play([_loaded(**CRASH), _loaded("y", **CRASH)], target="naive", report=tmp_path)
    assert [result.outcome for result in run.results] == ["fail", "fail"]
    assert run.unwritten.startswith(f"--report {tmp_path}: expected to write {tmp_path}/somewhere")
    assert run.exit_code == 1
