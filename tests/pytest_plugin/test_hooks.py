"""Scenario files as tests, run inside a pytest of its own over a lab that plays nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.case import Case, scenario_hash, target_hash
from harness.lab import play as lab
from harness.report.result import Run
from harness.scenario.load import load
from tests.pytest_plugin.conftest import Lab

pytest_plugins = ["pytester"]


def test_loading_the_plugin_imports_none_of_our_rooms() -> None:
    code = (
        "import sys, harness.pytest_plugin\n"
        "ours = {name for name in sys.modules if name.startswith('harness.')}\n"
        "rooms = {name for name in ours if not name.startswith('harness.pytest_plugin')}\n"
        "sys.exit(str(rooms) if rooms else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_scenario_files_are_tests_and_an_invalid_one_is_an_error(inner: pytest.Pytester) -> None:
    ran = inner.runpytest_inprocess("scenarios", "-v")
    ran.assert_outcomes(passed=1, failed=1, errors=1)
    ran.stdout.fnmatch_lines_random(
        [
            "scenarios/kept.scenario.yaml::kept PASSED*",
            "FAIL  scenarios/broken  on naive*",
            "  P2 effect-exactly-once   book_table ran twice for one request",
            "  replay:  harness replay hx1-*",
            "INVALID  scenarios/invalid  on naive*",
            "  fault 1 never fired",
        ]
    )
    ran.stdout.no_fnmatch_line("*Traceback*")


def test_a_bad_scenario_is_a_collection_error_with_its_place(inner: pytest.Pytester) -> None:
    (inner.path / "scenarios/bad.scenario.yaml").write_text("name: 5\nscript: [{user: hi}]\n")
    ran = inner.runpytest_inprocess("scenarios")
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(
        ["scenarios/bad.scenario.yaml:1:7: expected text, got 5; quote it if *"]
    )


def test_options_reach_the_lab(inner: pytest.Pytester, fake_lab: Any) -> None:
    inner.runpytest_inprocess("scenarios/kept.scenario.yaml")
    options = ["--harness-target=naive", "--harness-seed=3", "--harness-report=out"]
    inner.runpytest_inprocess("scenarios/kept.scenario.yaml", *options)
    assert fake_lab.options == [
        {"name": "kept", "target": "lifecycle", "seed": None, "report": None, "sweeps": True},
        {"name": "kept", "target": "naive", "seed": 3, "report": Path("out"), "sweeps": True},
    ]


def test_crash_points_on_the_command_line_sweep_each_scenario_in_place_of_its_own_sweep(
    inner: pytest.Pytester, fake_lab: Lab
) -> None:
    path = "scenarios/kept.scenario.yaml"
    inner.runpytest_inprocess(path, "--harness-crash-points=7").assert_outcomes(passed=1)
    assert [played["sweeps"] for played in fake_lab.options] == [False]
    asked = {"tiers": ("kill",), "depth": 1, "states_max": 7}
    assert [swept.items() >= asked.items() for swept in fake_lab.swept] == [True]
    with open(path, "a", encoding="utf-8") as file:
        file.write("sweep: {disk: [ext4, posix], depth: 2}\n")
    inner.runpytest_inprocess(path, "--harness-crash-points=all").assert_outcomes(passed=1)
    own = {"tiers": ("ext4", "posix"), "depth": 2}
    assert fake_lab.swept[-1].items() >= own.items()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--harness-crash-points=0", "expected all or a number of states from 1, got '0'"),
        ("--harness-seed=-1", "--harness-seed: expected a number from 0 to 2^63-1, got -1"),
        ("--harness-replay=hx1-x", "'hx1-x' is no token"),
    ],
)
def test_wrong_options_are_usage_errors(inner: pytest.Pytester, option: str, message: str) -> None:
    ran = inner.runpytest_inprocess("scenarios", option)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines([f"*{message}*"])


def test_an_unknown_target_is_said_without_a_traceback(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> Run:
        raise lab.TargetError("no target 'zzz'; there are lifecycle, naive")

    monkeypatch.setattr(lab, "play", refuse)
    ran = inner.runpytest_inprocess("scenarios/kept.scenario.yaml", "--harness-target=zzz")
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["no target 'zzz'; there are lifecycle, naive"])


def test_a_token_replays_its_scenario_and_nothing_else(
    inner: pytest.Pytester, fake_lab: Any
) -> None:
    inner.makepyfile("def test_other(): assert False")
    dump = load(inner.path / "scenarios/broken.scenario.yaml").scenario.dump()
    token = Case(scenario_hash(dump), target_hash("naive"), 0).token
    ran = inner.runpytest_inprocess(f"--harness-replay={token}")
    ran.assert_outcomes(failed=1, deselected=3)
    assert fake_lab.replayed == [(token, "broken", {"target": None})]
    assert fake_lab.options == []
    other = Case("0" * 12, target_hash("naive"), 0).token
    ran = inner.runpytest_inprocess(f"--harness-replay={other}")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR


def test_workers_of_xdist_collect_and_play_the_same(alone: pytest.Pytester) -> None:
    pytester = alone
    for number in range(4):
        (pytester.path / f"s{number}.scenario.yaml").write_text(
            f"name: s{number}\nscript: [{{user: hi}}]\n"
        )
    pytester.makeconftest(
        """
        from harness.checks.verdict import Finding, Numbers, Verdict
        from harness.lab import play as lab
        from harness.record import Header, Record
        from harness.report.result import Result, Run

        def play(scenarios, **options):
            (one,) = scenarios
            token = "hx1-x"
            found = (Finding("P1", "kill", 1, "gone", None, token),) * (one.path[1] == "3")
            outcome = "fail" if found else "pass"
            verdict = Verdict(outcome, found, (), (), Numbers(1, 1, 1, 1, 0, 0, 0))
            record = Record(Header(token, {}, one.path, options["target"], 0, "none"))
            return Run((Result(one.path, one.scenario.name, record, verdict, 0.1),), 1)

        lab.play = play
        """
    )
    ran = pytester.runpytest_subprocess("-p", "xdist", "-n", "2", "--harness-target=naive")
    ran.assert_outcomes(passed=3, failed=1)
    ran.stdout.fnmatch_lines(["FAIL  s3  on naive*", "*P1 prefix-continuation   gone*"])
