"""Every token found replays in a fresh process, and on changed code it says that the trace parted.

A sweep's own process may know more than the token tells; `python -m harness replay` knows nothing
else. The stack lies in a file of its own, which then does one thing more than it did.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.case import BASELINE, parse
from harness.lab import play as lab
from harness.report.result import Result
from harness.scenario.load import STORED, Loaded
from harness.scenario.write import exact
from harness.world.syscalls.rehearsal import available
from tests.lab.crashes.conftest import story

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)
ROOT = Path(__file__).parents[3]
NAIVE = ROOT / "harness" / "targets" / "naive.py"
FORGETS = ROOT / "tests" / "broken" / "p6_forgets_on_its_way_up.py"
SWALLOWS = ROOT / "tests" / "stacks" / "swallowing.py"
TOKENS_MAX = 3
CHANGE = """

_open = {name}.open


def _opens(self, home, *rest):
    (home / "something-new").touch()
    return _open(self, home, *rest)


{name}.open = _opens
"""
Sweep = Callable[[Loaded, str], Result]


def _once(loaded: Loaded, target: str) -> Result:
    return lab.sweep(loaded, target=target, tiers=("ext4",), states_max=20)


def _twice(loaded: Loaded, target: str) -> Result:
    return lab.sweep(loaded, target=target, tiers=("kill",), depth=2)


def _errors(loaded: Loaded, target: str) -> Result:
    return lab.fail_everywhere(loaded, target=target, errors=("ENOSPC",), most=12)


@pytest.mark.parametrize(
    ("source", "name", "sweep", "turns"),
    [
        pytest.param(NAIVE, "Naive", _once, 3, id="a crash"),
        pytest.param(FORGETS, "Broken", _twice, 1, id="a second crash", marks=pytest.mark.slow),
        pytest.param(SWALLOWS, "Swallowing", _errors, 3, id="an error", marks=pytest.mark.slow),
    ],
)
def test_each_token_found_replays_in_a_fresh_process_and_on_changed_code_says_so(
    source: Path, name: str, sweep: Sweep, turns: int, tmp_path: Path
) -> None:
    loaded, stack = story(script=story().scenario.script[:turns]), tmp_path / "stack.py"
    (tmp_path / STORED).write_text(exact(loaded.scenario.dump()), encoding="utf-8")
    stack.write_text(text := source.read_text(encoding="utf-8"), encoding="utf-8")
    found = {
        finding.token: finding.code
        for finding in sweep(loaded, f"{stack}:{name}").verdict.findings
        if parse(finding.token).choice != BASELINE
    }
    assert found
    tokens = [*found][:TOKENS_MAX]
    for token in tokens:
        again = _replay(token, tmp_path, f"{stack}:{name}")
        assert again.returncode == 1, again.stderr
        assert f"  {found[token]} " in again.stdout
        assert token in again.stdout
    stack.write_text(text + CHANGE.format(name=name), encoding="utf-8")
    changed = _replay(tokens[0], tmp_path, f"{stack}:{name}")
    assert changed.returncode == 4, changed.stdout
    assert "the trace diverged" in changed.stderr


def _replay(token: str, shelf: Path, target: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", "replay", token]
    return subprocess.run(
        [*command, "--in", str(shelf), "--target", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
