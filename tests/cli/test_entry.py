"""The front door: arguments, exit codes, and what is not imported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.entry import parser
from harness.lab import play as lab

MODULES_MAX = 130
"""A module of the standard library costs half a millisecond; the SDK alone has over a thousand."""


def leave(*_args: object, **_options: object) -> None:
    raise RuntimeError("a wheel came off")


def interrupt(*_args: object, **_options: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["rum"], "harness: argument COMMAND: invalid choice: 'rum'"),
        ([], "harness: the following arguments are required: COMMAND"),
        (["run", "--seed", "-1"], "harness run: argument --seed: expected"),
        (["run", "--seed=x"], "expected a whole number from 0 to 2^63-1, got 'x'"),
        (["run", "--jobs", "0"], "expected a whole number from 1 to 256, got '0'"),
        (["run", "--python", "no-python"], "--python no-python: expected an interpreter, got no"),
        (["run", "no/such/path"], "no/such/path: expected a scenario file or a folder"),
        (["replay", "hx1-nonsense"], "'hx1-nonsense' is no token"),
        (["check"], "harness check: the following arguments are required: RECORD"),
        (["check", "."], ".: expected a record.jsonl, got a folder; name the file in it, such as"),
        (
            ["check", "scenarios"],
            "scenarios: expected a record.jsonl, got a folder without one; name a file",
        ),
        (
            ["run", "--sead", "5"],
            "harness run: unrecognized arguments: --sead, did you mean --seed",
        ),
        (
            ["run", "--sead=5"],
            "unrecognized arguments: --sead=5, did you mean --seed?; see `harness r",
        ),
        (["serve", "x"], "harness serve: unrecognized arguments: x; see `harness serve --help`"),
        (["swep"], "harness: argument COMMAND: invalid choice: 'swep'"),
        (["swep"], ", did you mean sweep?; see `harness --help`"),
        (["run", "--target", "naiv"], "; did you mean naive?"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_4(
    argv: list[str], message: str, shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("kept").mkdir()
    Path("kept/record.jsonl").touch()
    assert main(argv) == 4
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""
    assert "Traceback" not in said.err


def test_help_ends_with_0_and_names_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", "--help"])
    assert caught.value.code == 0
    assert "5 nothing to run" in capsys.readouterr().out


def test_only_commands_that_work_are_offered() -> None:
    offered = parser().format_help()
    assert all(f"    {name} " in offered for name in ("run", "replay", "check", "list", "schema"))
    assert "report DIR" not in offered


def test_help_says_that_a_sweep_cuts_no_power_unless_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["sweep", "--help"])
    assert "any posix disk (default: kill)" in " ".join(capsys.readouterr().out.split())


def test_a_harness_that_breaks_is_invalid_never_a_broken_promise(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "play", leave)
    assert main(["run"]) == 3
    said = capsys.readouterr().err
    assert "a wheel came off" in said
    assert "the harness itself broke (RuntimeError)" in said


def test_ctrl_c_before_anything_is_played_is_exit_2(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "play", interrupt)
    assert main(["run"]) == 2
    assert capsys.readouterr().err == "interrupted\n"


COMMANDS = (
    *("run", "sweep", "explore", "replay", "check", "explain", "list", "schema", "serve"),
    *("bench", "import", "doctor", "init"),
)
QUICK = [
    *(["--help"], ["list"], ["schema"], ["explain"], ["explain", "P2"]),
    *([command, "--help"] for command in COMMANDS),
]


def test_every_command_is_among_the_quick_ones() -> None:
    offered = re.findall(r"^    (\w+) ", parser().format_help(), re.MULTILINE)
    assert sorted(offered) == sorted(COMMANDS)


@pytest.mark.parametrize("argv", QUICK, ids=" ".join)
def test_quick_commands_import_little_and_nothing_heavy(argv: list[str], shelf: Path) -> None:
    """An answer in 0.2 s, told by what is imported beyond the interpreter's own start."""
    code = (
        "import sys, json\n"
        "bare = set(sys.modules)\n"
        "from harness.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "sys.stderr.write(json.dumps(sorted(set(sys.modules) - bare)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True
    )
    assert done.stdout
    imported = json.loads(done.stderr)
    heavy = {"anthropic", "pydantic", "httpx", "rich", "faker", "respx", "asyncio", "numpy"}
    assert heavy.isdisjoint(imported)
    assert len(imported) <= MODULES_MAX


def test_a_reader_that_leaves_early_is_no_error(shelf: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m harness schema | head -n 1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_an_output_that_cannot_be_written_is_one_sentence(shelf: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-u", "-m", "harness", "schema"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    wanted = (
        "expected to use the output, got No space left on device; check the path and its space\n"
    )
    assert (done.returncode, done.stderr) == (4, wanted)


def test_names_that_the_terminal_cannot_write_are_escaped(shelf: Path) -> None:
    (shelf / "ä.scenario.yaml").write_text("name: Tür\nscript: [{user: hi}]\n")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "list"],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        check=False,
    )
    assert done.returncode == 0
    assert b"scenarios/\\xe4" in done.stdout
    assert b"T\\xfcr" in done.stdout


def test_the_version_is_said_and_nothing_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"harness \d+\.\d+\.\d+\S*\n", said.out)
    assert said.err == ""
