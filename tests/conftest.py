"""What several rooms' tests stand on: a warm server, and a run that never took place."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.case import Case, scenario_hash, target_hash
from harness.checks.verdict import Finding, Numbers, Outcome, Verdict
from harness.record import Header, Record
from harness.report.result import Result, Run
from harness.world.process import Server
from tests.servers import a_server

MakeResult = Callable[..., Result]


def make_result(
    story: str = "resume/kill_before_tool_result",
    outcome: Outcome = "pass",
    *,
    findings: int | tuple[Finding, ...] = (),
    reasons: tuple[str, ...] = (),
    not_applicable: tuple[str, ...] = (),
    target: str = "naive",
) -> Result:
    """A result that is consistent in itself; `findings` may be a number of them."""
    case = Case(scenario_hash({"name": story}), target_hash(target), seed=7)
    if isinstance(findings, int):
        findings = tuple(some_finding(case.token, number) for number in range(findings))
    header = Header(
        case.token, {"name": story}, f"scenarios/{story}.scenario.yaml", target, 7, "seccomp"
    )
    numbers = Numbers(29_520.0, 43, 51_234, 7_100, 0.2613, 1, 1)
    verdict = Verdict(
        outcome,
        tuple(replace(finding, token=case.token) for finding in findings),
        reasons,
        not_applicable,
        numbers,
    )
    record = Record(header)
    return Result(
        header.scenario_path, story.split("/")[-1].replace("_", " "), record, verdict, 0.31
    )


def some_finding(token: str, number: int) -> Finding:
    """Findings of four promises in turn; the fourth is of the whole run and long."""
    if number % 4 == 0:
        message = "book_table ran twice for one request"
        return Finding("P2", "kill", 41 + number, message, "naive.py:88  log.append(result)", token)
    if number % 4 == 1:
        return Finding("P1", "kill", 12, "turn 12's answer is missing", "event 301", token)
    if number % 4 == 2:
        return Finding("W4", "kill", None, "expected at most 1.2, got 3.41", None, token)
    message = "the target's books say 51,234 input tokens and the API's ledger says 48,100: " * 6
    return Finding("W5", "kill", None, message, None, token)


@pytest.fixture(scope="session")
def result_of() -> MakeResult:
    """Makes one result."""
    return make_result


@pytest.fixture
def sample_run() -> Run:
    """Two kept, one broken, one invalid."""
    return Run(
        (
            make_result("resume/crash_on_turn_12_resumes_from_11"),
            make_result("resume/kill_before_tool_result", "fail", findings=2),
            make_result(
                "wire/overloaded_then_recovers",
                "invalid",
                reasons=(
                    "fault 1 (http 529 in turn 5) never fired: no request was sent in turn 5",
                ),
                not_applicable=("P4", "expect.resume"),
            ),
            make_result("budget/bill_does_not_spike"),
        ),
        planned=4,
    )


ODD = Path(__file__).parent / "stacks" / "odd.py"


@pytest.fixture(scope="session")
def echo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A warm server of `tests/stacks/odd.py:Echo`."""
    root = tmp_path_factory.mktemp("lives")
    server = a_server(f"{ODD}:Echo", root)
    yield server
    server.close()


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """A Ctrl-C interrupts, even where a shell has switched it off; what was there comes back."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
