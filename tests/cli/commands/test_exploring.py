"""`harness explore`: what it prints can be pasted, and its exit code is that of `run`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.cli import main
from harness.lab.explore import explore as exploring
from harness.lab.explore.explore import Interrupted
from harness.lab.explore.hunt import Hunt


def test_a_broken_stack_ends_1_with_files_and_replays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["explore", "--target", "naive", "--seed", "0", "--cases", "2"]
    arguments += ["--budget", "10m"]
    assert main([*arguments, "--out", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    codes = re.findall(r"^([PSWT]\d) [a-z-]+(?:$|   )", out, re.MULTILINE)
    assert codes
    assert "2 cases on naive: " in out.splitlines()[-1]
    replays = re.findall(r"harness (replay .*)$", out, re.MULTILINE)
    assert len(replays) == len(codes)
    for line in replays:
        assert main(line.split()) == 1
    assert main([*arguments, "--out", str(tmp_path)]) == 1
    assert "found before, and still there" in capsys.readouterr().out


def test_the_reference_stack_ends_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--cases", "5", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "5 cases on lifecycle: no promise broken\n"
    assert not list(tmp_path.iterdir())


def test_a_scenario_keeps_its_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.scenario.yaml"
    path.write_text(
        "name: mine\nscript:\n  - {user: hello there, reply: {text: hi}}\n", encoding="utf-8"
    )
    out = tmp_path / "out"
    command = ["explore", str(path), "--target", "naive", "--cases", "12", "--out", str(out)]
    assert main(command) == 1
    capsys.readouterr()
    assert all("- {user:" in found.read_text(encoding="utf-8") for found in out.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--budget", "soon"], "--budget: expected a time such as 60s or 5m"),
        (["--target", "nobody"], "--target nobody: expected"),
        (["nowhere.yaml"], "nowhere.yaml: expected a scenario file"),
    ],
)
def test_what_cannot_be_explored_ends_4(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", *words]) == 4
    assert said in capsys.readouterr().err


def test_an_interrupted_hunt_ends_2_and_tells_what_came_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(**_: object) -> Hunt:
        raise Interrupted(Hunt(cases=7, invalid=2, unfair=1))

    monkeypatch.setattr(exploring, "explore", stopped)
    assert main(["explore", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "7 cases on lifecycle: no promise broken",
        "2 cases proved nothing, as where a fault never fires",
        "1 finding was left out: the reference stack fails there too",
    ]
    assert f"interrupted; what was found lies in {tmp_path}" in said.err
