"""The lab's own bounds: what no target may make it do, however it behaves."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness.lab import play as lab
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.outcome import HANG_LIMIT
from harness.world.syscalls.rehearsal import available

ROOT = Path(__file__).parents[2]
UNRULY = f"{ROOT / 'tests' / 'stacks' / 'unruly.py'}:Unruly"
SWEEP = (sys.executable, "-m", "harness", "sweep")
WORKS, WHY = available()
SCENARIO = """\
name: bounded
script:
  - user: hello
    reply: {text: hi}
  - user: bye
    reply: {text: see you}
"""


def _loaded(*orders: str) -> Loaded:
    script = [{"user": order, "reply": {"text": "unused"}} for order in orders]
    scenario = Scenario.model_validate({"name": "bounded", "script": script})
    return Loaded("some/bounded.scenario.yaml", scenario)


@pytest.mark.skipif(not WORKS, reason=WHY)
def test_a_target_that_never_syncs_has_more_states_than_are_judged_and_that_is_told() -> None:
    result = lab.sweep(_loaded("flood 60"), target=UNRULY, tiers=("posix",), states_max=4)
    count = result.states["posix"]
    assert count.judged <= 4 < 100 < count.distinct
    numbers = result.verdict.numbers
    assert numbers.crash_points_fired < numbers.crash_points_planned


@pytest.mark.parametrize(
    ("order", "kind", "told"),
    [
        ("hang", "limit", "gave no sign of life"),
        ("sleep 200000", "limit", "more than 48 virtual hours"),
        ("exit 3", "died", "3"),
    ],
)
def test_a_target_that_hangs_sleeps_or_dies_ends_its_run_and_not_the_lab(
    order: str, kind: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if order == "hang":
        monkeypatch.setenv(HANG_LIMIT, "1")
    (result,) = lab.play([_loaded(order, "hello")], target=UNRULY).results
    assert result.outcome != "pass"
    event = next(result.record.of(kind))
    assert told in str(event.data.get("message", event.data.get("status")))


def _environment(place: Path) -> dict[str, str]:
    for name in ("home", "tmp", "cwd"):
        (place / name).mkdir()
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {
        **os.environ,
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        "PYTHONPATH": search,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _left_over(place: Path, pid: int) -> list[Path]:
    beside = [path for name in ("home", "tmp", "cwd") for path in (place / name).rglob("*")]
    return [*beside, *Path("/dev/shm").glob(f"harness-{pid}-*")]


@pytest.mark.skipif(not WORKS, reason=WHY)
@pytest.mark.parametrize("what", [["--disk", "kill"], ["--errors", "EIO"]])
def test_a_sweep_leaves_nothing_behind(tmp_path: Path, what: list[str]) -> None:
    (tmp_path / "bounded.scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    swept = subprocess.Popen(
        [*SWEEP, "../bounded.scenario.yaml", "--states", "2", *what],
        env=_environment(tmp_path),
        cwd=tmp_path / "cwd",
        stdout=subprocess.PIPE,
        text=True,
    )
    said, _ = swept.communicate(timeout=120)
    assert swept.returncode == 0, said
    assert _left_over(tmp_path, swept.pid) == []


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text("ascii").split()]


@pytest.mark.skipif(not WORKS, reason=WHY)
def test_a_sweep_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "bounded.scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    bell = tmp_path / "bell"
    os.mkfifo(bell)
    target = f"""
        from tests.stacks.odd import Echo

        class Ringing(Echo):
            def do_hello(self, _rest):
                with open({str(bell)!r}, "w") as bell:
                    bell.write("in the middle of it")
                while True:
                    pass
    """
    (tmp_path / "ringing.py").write_text(textwrap.dedent(target), encoding="utf-8")
    swept = subprocess.Popen(
        [*SWEEP, "../bounded.scenario.yaml", "--target", "../ringing.py:Ringing"],
        env=_environment(tmp_path),
        cwd=tmp_path / "cwd",
        stdout=subprocess.DEVNULL,
    )
    assert bell.read_text(encoding="utf-8") == "in the middle of it"
    assert len(_left_over(tmp_path, swept.pid)) == 1
    zygotes = _children(swept.pid)
    servers = [*zygotes, *(server for zygote in zygotes for server in _children(zygote))]
    ends = [os.pidfd_open(server) for server in servers]
    swept.send_signal(signal.SIGKILL)
    swept.wait()
    for server, end in zip(servers, ends, strict=True):
        ended, _, _ = select.select([end], [], [], 20)
        os.close(end)
        assert ended, f"process {server} outlived its runner"
    assert servers
    assert _left_over(tmp_path, swept.pid) == []
