"""The pytest plugin, run inside a pytest of its own over a lab that plays nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.case import Case, scenario_hash, target_hash
from harness.lab import play as lab
from harness.report.result import Result, Run, story_of
from harness.scenario import complaint, schema, sense
from harness.scenario.load import Loaded, load

pytest_plugins = ["pytester"]

ROOMS = (complaint, schema, sense)
"""Imported out here, for the inner pytest forgets at its end what it imported."""

SOUND = "name: {name}\nscript: [{{user: hi}}, {{user: again}}]\n"


class Lab:
    """Stands for `harness.lab.play`: the outcome is the scenario's name."""

    def __init__(self, result_of: Callable[..., Result]) -> None:
        self.result_of = result_of
        self.options: list[dict[str, object]] = []
        self.replayed: list[tuple[object, ...]] = []

    def play(self, scenarios: Sequence[Loaded], **options: object) -> Run:
        """As `play`."""
        self.options.append({"name": scenarios[0].scenario.name, **options})
        return Run((self.result(scenarios[0]),), 1)

    def replay(self, token: str, scenarios: Sequence[Loaded], **options: object) -> Result:
        """As `replay`."""
        self.replayed.append((token, scenarios[0].scenario.name, options))
        return self.result(scenarios[0])

    def result(self, loaded: Loaded) -> Result:
        """kept, broken or invalid, as the scenario is called."""
        name, story = loaded.scenario.name, story_of(loaded.path)
        if name == "broken":
            return self.result_of(story, "fail", findings=1)
        if name == "invalid":
            return self.result_of(story, "invalid", reasons=("fault 1 never fired",))
        return self.result_of(story)


@pytest.fixture
def fake_lab(result_of: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Lab:
    fake = Lab(result_of)
    monkeypatch.setattr(lab, "play", fake.play)
    monkeypatch.setattr(lab, "replay", fake.replay)
    return fake


@pytest.fixture
def alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytest with no plugin but ours, which is quicker."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "harness.pytest_plugin")
    return pytester


@pytest.fixture
def inner(alone: pytest.Pytester, fake_lab: Lab) -> pytest.Pytester:
    """A project with one scenario of each kind."""
    pytester = alone
    for name in ("kept", "broken", "invalid"):
        path = pytester.path / f"scenarios/{name}.scenario.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(SOUND.format(name=name))
    return pytester


def test_loading_the_plugin_imports_none_of_our_rooms() -> None:
    code = (
        "import sys, harness.pytest_plugin\n"
        "rooms = {n for n in sys.modules if n.startswith('harness.')} - {'harness.pytest_plugin'}\n"
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
    ran.stdout.fnmatch_lines(["scenarios/bad.scenario.yaml:1:7: expected text, got 5"])


def test_options_reach_the_lab(inner: pytest.Pytester, fake_lab: Lab) -> None:
    inner.runpytest_inprocess("scenarios/kept.scenario.yaml")
    options = ["--harness-target=naive", "--harness-seed=3", "--harness-report=out"]
    inner.runpytest_inprocess("scenarios/kept.scenario.yaml", *options)
    assert fake_lab.options == [
        {"name": "kept", "target": "lifecycle", "seed": None, "report": None},
        {"name": "kept", "target": "naive", "seed": 3, "report": Path("out")},
    ]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--harness-crash-points=all", "sweeping crash points is not in this version"),
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
    inner: pytest.Pytester, fake_lab: Lab
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


def test_a_test_plays_files_loaded_ones_and_scenarios(
    inner: pytest.Pytester, fake_lab: Lab
) -> None:
    name = inner.makepyfile(
        test_it="""
        from pathlib import Path
        from harness.scenario.load import load
        from harness.scenario.schema import Say, Scenario

        def test_all(scenario_run):
            path = "scenarios/kept.scenario.yaml"
            assert scenario_run(path).outcome == "pass"
            assert scenario_run(Path(path), target="naive", seed=5).outcome == "pass"
            assert scenario_run(load(Path(path))).outcome == "pass"
            written = Scenario(name="kept", script=(Say(user="hi"),))
            assert scenario_run(written).story == "test_it/test_all"
        """
    )
    inner.runpytest_inprocess(name).assert_outcomes(passed=1)
    assert [(o["target"], o["seed"]) for o in fake_lab.options] == [
        ("lifecycle", None),
        ("naive", 5),
        ("lifecycle", None),
        ("lifecycle", None),
    ]


def test_a_failing_test_shows_the_screen_of_what_it_played(inner: pytest.Pytester) -> None:
    name = inner.makepyfile(
        """
        def test_it(scenario_run):
            assert scenario_run("scenarios/broken.scenario.yaml").outcome == "pass"
        """
    )
    ran = inner.runpytest_inprocess(name)
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["*- harness -*", "FAIL  scenarios/broken  on naive*"])


def test_the_scenario_marker_says_what_is_played(inner: pytest.Pytester, fake_lab: Lab) -> None:
    name = inner.makepyfile(
        """
        import pytest

        @pytest.mark.scenario("scenarios/kept.scenario.yaml", target="naive", seed=4)
        def test_marked(scenario_run):
            assert scenario_run().outcome == "pass"

        def test_unmarked(scenario_run):
            scenario_run()
        """
    )
    ran = inner.runpytest_inprocess(name, "--strict-markers", "--harness-target=other")
    ran.assert_outcomes(passed=1, failed=1)
    ran.stdout.fnmatch_lines(["*scenario_run() plays nothing: give it a scenario*"])
    assert [(o["target"], o["seed"]) for o in fake_lab.options] == [("naive", 4)]


def test_a_scenario_in_python_is_checked_like_a_file(inner: pytest.Pytester) -> None:
    name = inner.makepyfile(
        """
        import pytest
        from harness.scenario.load import ScenarioError
        from harness.scenario.schema import Fault, Http, Say, Scenario

        def test_it(scenario_run):
            fault = Fault(http=Http(turn=9, status=529))
            with pytest.raises(ScenarioError, match=r"faults\\[0\\].http.turn: expected a turn"):
                scenario_run(Scenario(name="x", script=(Say(user="hi"),), faults=(fault,)))
        """
    )
    inner.runpytest_inprocess(name).assert_outcomes(passed=1)


def test_limits_of_markers_fail_the_test_with_both_numbers(
    inner: pytest.Pytester, fake_lab: Lab, result_of: Callable[..., Result]
) -> None:
    result = result_of()
    result.record.add("model.answered", at_ns=0, life=1, turn=1, prompt_tokens=900)
    fake_lab.result_of = lambda *_args, **_options: result
    name = inner.makepyfile(
        """
        import pytest

        @pytest.mark.max_request_tokens(900)
        @pytest.mark.max_cost_usd(0.2613)
        def test_kept(scenario_run):
            scenario_run("scenarios/kept.scenario.yaml")

        @pytest.mark.max_request_tokens(899)
        def test_tokens(scenario_run):
            scenario_run("scenarios/kept.scenario.yaml")

        @pytest.mark.max_cost_usd(0.2)
        def test_cost(scenario_run):
            scenario_run("scenarios/kept.scenario.yaml")

        @pytest.mark.crash_points("all")
        def test_points(scenario_run):
            scenario_run("scenarios/kept.scenario.yaml")
        """
    )
    ran = inner.runpytest_inprocess(name, "--strict-markers")
    ran.assert_outcomes(passed=1, failed=2, errors=1)
    ran.stdout.fnmatch_lines_random(
        [
            "*expected requests of at most 899 prompt tokens, got one of 900",
            "*expected to spend at most 0.2 US dollars, got 0.2613",
            "*sweeping crash points is not in this version*",
        ]
    )


def test_session_dir_is_empty_and_private(session_dir: Path) -> None:
    assert list(session_dir.iterdir()) == []
    assert session_dir.stat().st_mode & 0o777 == 0o700


def test_workers_of_xdist_collect_and_play_the_same(alone: pytest.Pytester) -> None:
    pytester = alone
    for number in range(4):
        (pytester.path / f"s{number}.scenario.yaml").write_text(SOUND.format(name=f"s{number}"))
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
