"""Where seccomp is refused a life tells its calls itself: the same crashes, and it says so."""

from __future__ import annotations

import json as stdlib_json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.lab import play as lab
from harness.life.disk import trap
from harness.report import json
from harness.report.result import Result, Run
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.syscalls.rehearsal import VARIABLE, UnknownRecorder, available, choose

UNRULY = Path(__file__).parents[2] / "stacks" / "unruly.py"
WORKS, WHY = available()


@pytest.fixture(autouse=True)
def without_seccomp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "python")


def _loaded(*faults: dict[str, Any], **fields: Any) -> Loaded:
    script = [{"repeat": 3, "every": "3m", "user": {"words": 9}, "reply": {"words": 9}}]
    data = {"name": "told", "script": script, "faults": list(faults), **fields}
    return Loaded("some/told.scenario.yaml", Scenario.model_validate(data))


def _play(*faults: dict[str, Any]) -> Result:
    (result,) = lab.play([_loaded(*faults)]).results
    return result


def test_a_death_at_a_disk_operation_names_the_line_that_issued_it() -> None:
    result = _play({"crash": {"turn": 2, "at": "fsync *.jsonl #2"}})
    assert result.outcome == "pass", result.verdict
    (crashed,) = result.record.of("crashed")
    assert "os.fsync" in str(crashed.data["where"])
    assert result.record.header.fidelity == "python"
    assert '"fidelity": "python"' in json.dumps(Run((result,), 1))


@pytest.mark.parametrize("tier", ["ext4", "posix"])
def test_the_power_can_be_cut(tier: str) -> None:
    result = _play({"crash": {"turn": 3, "at": "reply.received", "disk": tier}})
    assert result.outcome == "pass", result.verdict
    assert [event.data["tier"] for event in result.record.of("crashed")] == [tier]


@pytest.mark.parametrize(
    ("on", "error", "told"),
    [
        ("write", "ENOSPC", 1),
        ("fsync", "EIO", 1),
        ("write", "short", 0),
        ("write", "slow", 0),
    ],
)
def test_a_disk_error_reaches_the_caller(on: str, error: str, told: int) -> None:
    result = _play({"disk": {"turn": 2, "on": on, "error": error}})
    assert result.outcome == "pass", result.verdict
    assert len(list(result.record.of("send.failed"))) == told
    assert len(list(result.record.of("reply.delivered"))) == 3


@pytest.mark.skipif(not WORKS, reason=WHY)
def test_a_sweep_finds_the_same_states_and_the_same_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    told = lab.sweep(_loaded(), target="naive", tiers=("kill", "ext4"))
    monkeypatch.setenv(VARIABLE, "seccomp")
    trapped = lab.sweep(_loaded(), target="naive", tiers=("kill", "ext4"))
    assert told.states == trapped.states
    assert told.verdict == trapped.verdict
    assert told.outcome == "fail"
    fidelities = [result.record.header.fidelity for result in (told, trapped)]
    assert fidelities == ["python", "seccomp"]


def test_a_store_in_a_c_library_is_invalid_and_never_a_pass() -> None:
    script = [{"user": "base memory.db", "reply": {"text": "unused"}}, {"user": "hello"}]
    loaded = _loaded(script=script)
    swept = lab.sweep(loaded, target=f"{UNRULY}:Unruly", tiers=("kill",))
    assert swept.outcome != "pass"
    reasons = [reason for reason in swept.verdict.reasons if "changed unseen" in reason]
    assert "C libraries and child processes are not seen by the Python recorder" in reasons[0]


_SANDBOX = """
import ctypes, os, struct, sys
from harness.world.syscalls.filter import Assembler
code = Assembler()
code.load(0)
code.if_equal({seccomp}, otherwise="allow")
code.give(0x00050000 | 1)
code.label("allow")
code.give(0x7FFF0000)
program = code.assemble()
held = ctypes.create_string_buffer(program, len(program))
header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(held))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.create_string_buffer(header, 16), 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-m", "harness", *sys.argv[1:]])
"""


@pytest.mark.skipif(not WORKS, reason=WHY)
def test_a_sandbox_that_refuses_seccomp_gets_pythons_recorder_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    scenario = tmp_path / "crashes.scenario.yaml"
    scenario.write_text(
        "name: crashes\nscript: [{user: hello, reply: {text: hi}}]\n"
        "faults: [{crash: {turn: 1, at: 'fsync *.jsonl'}}]\n",
        encoding="utf-8",
    )
    program = _SANDBOX.format(seccomp=trap.SECCOMP[platform.machine()])
    done = subprocess.run(
        [sys.executable, "-c", program, "run", str(scenario), "--json", "-"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=UNRULY.parents[2],
    )
    (row,) = stdlib_json.loads(done.stdout)["scenarios"]
    assert (done.returncode, row["verdict"], row["fidelity"]) == (0, "pass", "python")
    assert "(disk seen from Python only)" in done.stderr


def test_the_recorder_is_chosen_by_what_works_unless_it_is_asked_for() -> None:
    assert choose({VARIABLE: "python"}).fidelity == "python"
    assert choose({VARIABLE: "seccomp"}).fidelity == "seccomp"
    assert choose({}).fidelity == ("seccomp" if WORKS else "python")
    with pytest.raises(UnknownRecorder, match="expected seccomp or python"):
        choose({VARIABLE: "strace"})
