"""`harness sweep`: the same screen and exit codes as `run`, with the states counted by tier."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.commands.sweeping import Progress
from harness.lab import play as lab
from harness.report.result import Run
from harness.world.syscalls.rehearsal import available
from tests.living import WITH_CTRL_C

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)

SCENARIO = """\
name: swept
script:
  - user: hello
    reply: {text: hi}
  - user: bye
    reply: {text: see you}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "swept.scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return str(path)


def test_a_broken_stack_ends_1_with_states_tokens_and_json(
    scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "sweep.json"
    code = main(
        ["sweep", scenario, "--target", "naive", "--disk", "kill,ext4", "--json", str(report)]
    )
    out = capsys.readouterr().out
    assert code == 1
    assert "S1 acknowledged-durable" in out
    assert "distinct states" in out
    assert "harness replay hx1-" in out
    (row,) = json.loads(report.read_text(encoding="utf-8"))["scenarios"]
    assert set(row["states"]) == {"kill", "ext4"}
    assert row["states"]["ext4"]["violating"] > 0
    assert row["fidelity"] == "seccomp"
    assert row["crash_points"]["planned"] == row["crash_points"]["fired"]


def test_the_reference_stack_ends_0(scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", scenario, "--states", "3"]) == 0
    assert "0 broken of" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "target", "counted"),
    [
        (["--disk", "kill,ext4"], "naive", "kill"),
        (["--depth", "2", "--disk", "ext4"], "naive", "ext4"),
        (["--errors", "EIO", "--jobs", "2"], "lifecycle", "EIO"),
    ],
)
def test_an_interrupted_sweep_tells_what_it_found_and_that_it_is_not_whole(
    scenario: str,
    options: list[str],
    target: str,
    counted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(_self: Progress, _what: str, done: int, _planned: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "on_state", interrupt)
    report = tmp_path / "part.json"
    code = main(["sweep", scenario, "--target", target, *options, "--json", str(report)])
    said = capsys.readouterr()
    assert code == 2
    assert "the sweep was interrupted" in said.out
    assert "of 4 judged" in said.out
    assert said.err.endswith("found until then is above, and not the whole\n")
    told = json.loads(report.read_text(encoding="utf-8"))
    (row,) = told["scenarios"]
    assert told["exit"] == 2
    assert list(row["states"]) == [counted]
    assert row["reasons"][0].startswith("the sweep was interrupted")
    assert row["verdict"] == ("fail" if target == "naive" else "invalid")
    assert bool(row["findings"]) is (target == "naive")


@pytest.mark.parametrize("tellings", [[], ["--json", "-"]])
def test_what_cannot_be_kept_is_said_after_the_findings_and_ends_4(
    scenario: str,
    tellings: list[str],
    sample_run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = "--keep kept: expected to keep `after-crash` there, got No space left on device"
    unkept = replace(sample_run.results[1], unkept=told)
    monkeypatch.setattr(lab, "sweep", lambda *_args, **_options: unkept)
    assert main(["sweep", scenario, "--target", "naive", *tellings]) == 4
    said = capsys.readouterr()
    assert "FAIL  resume/kill_before_tool_result" in (said.err if tellings else said.out)
    assert said.err.endswith(f"{told}\n")
    if tellings:
        assert json.loads(said.out)["scenarios"][0]["findings"]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_real_ctrl_c_is_obeyed_in_order_wherever_it_comes(scenario: str, jobs: str) -> None:
    """In the middle of an order to the warm server, it used to break what was done after it."""
    command = [sys.executable, "-c", WITH_CTRL_C, "sweep", scenario, "--target", "naive"]
    command += ["--depth", "2", "--disk", "kill,ext4,posix", "--jobs", jobs]
    master, slave = pty.openpty()
    environ = {key: value for key, value in os.environ.items() if key != "CI"}
    swept = subprocess.Popen(
        command, stdout=slave, stderr=subprocess.PIPE, env={**environ, "TERM": "xterm"}
    )
    os.close(slave)
    said = b""
    while b"crashing again: 1 of" not in said:
        said += os.read(master, 65_536)
    swept.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):
        while more := os.read(master, 65_536):
            said += more
    _, errors = swept.communicate(timeout=60)
    os.close(master)
    assert swept.returncode == 2, errors
    assert b"the sweep was interrupted" in said
    assert errors.endswith(b"found until then is above, and not the whole\n")


def test_the_line_of_progress_promises_no_end_before_it_has_a_pace() -> None:
    times = iter((0.0, 1.0, 2.0, 3.0))
    progress = Progress(stream := io.StringIO(), times.__next__, live=True, quiet=False)
    for done in (1, 2, 3):
        progress.on_state("kill", done, 3)
    assert stream.getvalue().split("\r")[1:] == [
        "  kill: 1 of 3\x1b[K",
        "  kill: 2 of 3, 1.00 s still\x1b[K",
        "\x1b[K",
    ]


def test_each_disk_operation_may_fail_instead(
    scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "errors.json"
    options = ["--errors", "EIO", "--states", "2", "--json", str(report)]
    assert main(["sweep", scenario, "--jobs", "2", *options]) == 0
    assert "disk operations that fail, 0 broken of" in capsys.readouterr().out
    (row,) = json.loads(report.read_text(encoding="utf-8"))["scenarios"]
    assert set(row["states"]) == {"EIO"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--errors", "EPERM"], "expected ENOSPC, EIO or both, got 'EPERM'"),
        (["--disk", "floppy"], "expected kill, ext4, posix or several, got 'floppy'"),
        (["--states", "0"], "expected a whole number from 1"),
        (["--target", "nobody"], "expected path/to/file.py:Class or one of"),
        (["--errors", "EIO", "--depth", "2"], "--depth: it is about crashes, and --errors plays"),
    ],
)
def test_what_makes_no_sense_ends_4(
    scenario: str, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", scenario, *options]) == 4
    assert message in capsys.readouterr().err
