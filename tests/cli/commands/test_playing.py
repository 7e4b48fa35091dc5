"""The commands that play and judge, over a lab that plays nothing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.cli import main
from harness.lab import play as lab
from harness.record import RecordError
from harness.report.result import Result, Run
from harness.scenario.load import Loaded

TOKEN = "hx1-1d1f8cde06c7-1ec5f4-7-s-f"


def test_run_plays_everything_and_says_each(
    shelf: Path, fake_lab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run"]) == 1
    out = capsys.readouterr().out
    assert [one.scenario.name for one in fake_lab.scenarios] == ["double crash", "torn tail"]
    assert "FAIL  resume/kill_before_tool_result  on naive" in out
    assert "4 scenarios: 2 kept, 1 broken, 1 invalid" in out


def test_options_reach_the_lab(shelf: Path, fake_lab: Any) -> None:
    options = ["--target", "naive", "--seed", "3", "--jobs", "2", "--report", "out"]
    main(["run", str(shelf), "-k", "torn", *options])
    assert [one.scenario.name for one in fake_lab.scenarios] == ["torn tail"]
    wanted = {
        "target": "naive",
        "python": None,
        "seed": 3,
        "jobs": 2,
        "report": Path("out"),
    }
    assert fake_lab.options == wanted


@pytest.mark.parametrize(("index", "code"), [(0, 0), (1, 1), (2, 3)])
def test_the_exit_code_is_the_outcome_s(shelf: Path, fake_lab: Any, index: int, code: int) -> None:
    fake_lab.results = fake_lab.results[index : index + 1]
    assert main(["run"]) == code


def test_an_interrupted_run_reports_what_was_done(
    shelf: Path, fake_lab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_lab.interrupted = True
    assert main(["run", "--json", "out.json"]) == 2
    assert "interrupted, 1 of 5 not played" in capsys.readouterr().out
    assert json.loads(Path("out.json").read_text())["exit"] == 2


def test_every_report_that_was_asked_for_is_written(
    shelf: Path, fake_lab: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    main(["run", "--junit", "deep/junit.xml", "--json", "deep/run.json", "--quiet"])
    assert ElementTree.parse("deep/junit.xml").getroot().get("failures") == "1"
    assert len(json.loads(Path("deep/run.json").read_text())["scenarios"]) == 4
    assert "### Crash lab" in Path("summary.md").read_text()
    out = capsys.readouterr().out
    assert "::error file=scenarios/resume/kill_before_tool_result.scenario.yaml" in out
    assert "\npass" not in out


@pytest.mark.parametrize(
    ("result", "kinds", "options", "hinted"),
    [
        (0, ["crashed"], [], True),
        (0, ["crashed"], ["--target", "my agent.py:A"], True),
        (0, [], [], False),
        (0, ["crashed"], ["--quiet"], False),
        (1, ["crashed"], [], False),
    ],
)
def test_one_scenario_that_was_kept_ends_with_what_else_there_is_to_try(
    shelf: Path,
    fake_lab: Any,
    result: int,
    kinds: list[str],
    options: list[str],
    hinted: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake_lab.results = fake_lab.results[result : result + 1]
    for kind in kinds:
        fake_lab.results[0].record.add(kind, {}, at_ns=0, life=1, turn=1)
    main(["run", "-k", "torn_tail", *options])
    out = capsys.readouterr().out
    path = "scenarios/resume/torn_tail.scenario.yaml"
    target = " --target 'my agent.py:A'" if "--target" in options else ""
    hint = f"every other crash of it: harness sweep {path}{target}\n"
    assert out.endswith(hint) if hinted else "every other crash" not in out


def test_json_on_stdout_stands_there_alone(
    shelf: Path, fake_lab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["run", "--json", "-"])
    said = capsys.readouterr()
    assert json.loads(said.out)["version"] == 1
    assert "FAIL  resume/kill_before_tool_result" in said.err


def test_one_bad_scenario_anywhere_stops_the_run_before_it_begins(
    shelf: Path, fake_lab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (shelf / "bad.scenario.yaml").write_text("name: 5\nscript: [{user: hi}]\n")
    (shelf / "worse.scenario.yaml").write_text("[")
    assert main(["run", "-k", "torn"]) == 4
    said = capsys.readouterr()
    assert "bad.scenario.yaml:1:7: expected text, got 5" in said.err
    assert "worse.scenario.yaml:" in said.err
    assert (said.out, fake_lab.scenarios) == ("", [])


def test_an_empty_folder_is_exit_5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run"]) == 5
    assert "write a first scenario with `harness init`" in capsys.readouterr().err


def test_an_unknown_target_is_exit_4(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_args: object, **_options: object) -> Run:
        raise lab.TargetError("no target 'zzz'; there are lifecycle, naive")

    monkeypatch.setattr(lab, "play", refuse)
    assert main(["run", "--target", "zzz"]) == 4
    assert capsys.readouterr().err == "no target 'zzz'; there are lifecycle, naive\n"


def test_a_report_that_cannot_be_written_is_exit_4_and_hides_no_verdict(
    shelf: Path, fake_lab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_lab.unwritten = "--report out: expected to write out/x, got No space left on device"
    assert main(["run", "--junit", "/dev/full", "--json", "run.json"]) == 4
    said = capsys.readouterr()
    assert "FAIL  resume/kill_before_tool_result" in said.out
    assert "4 scenarios: 2 kept, 1 broken, 1 invalid" in said.out
    assert json.loads(Path("run.json").read_text())["version"] == 1
    *_notes, report, junit = said.err.strip().split("\n")
    assert report == fake_lab.unwritten
    assert junit.startswith("--junit /dev/full: expected to write it, got No space left on device")


def test_replay_plays_one_case_and_gives_its_exit_code(
    shelf: Path,
    sample_run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[object] = []

    def again(token: str, scenarios: list[Loaded], **options: object) -> Result:
        asked.extend([token, [one.scenario.name for one in scenarios], options])
        return sample_run.results[1]

    monkeypatch.setattr(lab, "replay", again)
    (shelf / "bad.scenario.yaml").write_text("name: 5")
    assert main(["replay", TOKEN, "--in", str(shelf), "--keep", "kept"]) == 1
    assert asked == [
        TOKEN,
        ["double crash", "torn tail"],
        {"target": None, "python": None, "keep": Path("kept")},
    ]
    said = capsys.readouterr()
    assert "FAIL  resume/kill_before_tool_result" in said.out
    assert "passed over:\n" in said.err
    assert "bad.scenario.yaml:1:1: expected the key `script`" in said.err


def test_a_replay_that_could_not_be_kept_is_said_and_ends_4(
    shelf: Path,
    sample_run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    unkept = dataclasses.replace(sample_run.results[1], unkept="--keep kept: no room")
    monkeypatch.setattr(lab, "replay", lambda *_args, **_options: unkept)
    assert main(["replay", TOKEN, "--in", str(shelf), "--keep", "kept"]) == 4
    said = capsys.readouterr()
    assert "FAIL  resume/kill_before_tool_result" in said.out
    assert said.err.endswith("--keep kept: no room\n")


def test_a_token_whose_scenario_is_not_there_is_exit_4(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def miss(*_args: object, **_options: object) -> Result:
        raise LookupError("no scenario of that token; name its folder with --in")

    monkeypatch.setattr(lab, "replay", miss)
    assert main(["replay", TOKEN]) == 4
    assert capsys.readouterr().err == "no scenario of that token; name its folder with --in\n"


def test_check_judges_a_stored_record_again(
    sample_run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "check", lambda _path: sample_run.results[2])
    assert main(["check", "record.jsonl"]) == 3
    assert "INVALID  wire/overloaded_then_recovers" in capsys.readouterr().out


def test_a_file_that_is_no_record_is_exit_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> Result:
        raise RecordError(f"{path}:1: expected the header of a record, got an empty file")

    monkeypatch.setattr(lab, "check", refuse)
    assert main(["check", "record.jsonl"]) == 4
    assert "record.jsonl:1: expected the header" in capsys.readouterr().err
