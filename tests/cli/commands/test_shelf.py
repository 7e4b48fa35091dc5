"""The commands about scenario files, and the files that are published with the package."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.commands.shelf import FIRST_NAME, published_schema
from harness.scenario.load import json_schema, load

ROOT = Path(__file__).parents[3]


def test_list_shows_each_story_with_its_sentence(
    shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list"]) == 0
    assert capsys.readouterr().out.split("\n") == [
        "resume/double_crash  double crash",
        "resume/torn_tail     torn tail",
        "",
        "2 scenarios",
        "",
    ]


def test_list_shows_the_rest_beside_a_file_that_is_no_yaml(
    shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shelf / "bad.scenario.yaml").write_text("[1")
    (shelf / "worse.scenario.yaml").write_text("{a: b: c}")
    assert main(["list", str(shelf)]) == 4
    said = capsys.readouterr()
    assert "resume/torn_tail" in said.out
    assert "worse.scenario.yaml:1:" in said.err


def test_list_names_every_file_that_is_no_scenario_and_lists_the_others(
    shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(25):
        (shelf / f"bad{number:02}.scenario.yaml").write_text("script: [{user: hi}]\n")
    (shelf / "bad00.scenario.yaml").write_text("")
    (shelf / "bad01.scenario.yaml").write_text("- a list\n")
    (shelf / "bad02.scenario.yaml").write_bytes(b"name: \xff\n")
    assert main(["list", str(shelf)]) == 4
    said = capsys.readouterr()
    assert said.out.endswith("\n\n2 scenarios\n")
    told = said.err.splitlines()
    assert "bad00.scenario.yaml:1:1: expected a scenario, got an empty file" in told[0]
    assert "bad01.scenario.yaml:1:1: expected a mapping with name and script" in told[1]
    assert "bad02.scenario.yaml:1:7: expected UTF-8" in told[2]
    assert "bad03.scenario.yaml:1:1: expected the key `name`" in told[3]
    assert told[20:] == ["and 5 more files"]


def test_nothing_in_a_name_is_obeyed_by_a_terminal(
    shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shelf / "a.scenario.yaml").write_text('name: "\\e[31mred\\a"\nscript: [{user: hi}]\n')
    assert main(["list"]) == 0
    assert "\\x1b[31mred\\x07" in capsys.readouterr().out


def test_the_published_schemas_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    """Run `harness schema` anew after a change: both copies are generated."""
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == json_schema() == published_schema()
    assert (ROOT / "scenarios/scenario.schema.json").read_text() == json_schema()


def test_init_writes_a_scenario_that_loads_and_never_overwrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert "harness run scenarios " in capsys.readouterr().out
    path = Path("scenarios") / FIRST_NAME
    assert load(path).scenario.name == "a crash on turn 3 resumes from turn 2"
    named = path.read_text().split("\n")[0].removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve().read_text() == json_schema()
    path.write_text("mine")
    assert main(["init"]) == 4
    assert path.read_text() == "mine"
    assert "is there already and stays as it is" in capsys.readouterr().err


def test_init_into_a_place_that_cannot_be_written_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == 4
    assert "name another folder" in capsys.readouterr().err


def test_a_long_name_goes_on_below_its_beginning_in_a_pipe_too(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = " ".join(["long"] * 20)
    (shelf / "a.scenario.yaml").write_text(f"name: {name}\nscript: [{{user: hi}}]\n")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys, "stdout", terminal := io.StringIO())
    assert main(["list"]) == 0
    first, second, *_rest = terminal.getvalue().split("\n")
    assert first.startswith("scenarios/a          long long")
    assert second.startswith(" " * 21 + "long")
    assert max(map(len, terminal.getvalue().split("\n"))) <= 60
