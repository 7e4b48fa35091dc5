"""What the README prints is run: quick start, conversation, scenario, table of promises."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.case import scenario_hash
from harness.checks.catalogue import PROMISES
from harness.checks.judge import CHECKS
from harness.cli import main
from harness.cli.commands.shelf import FIRST_NAME
from harness.lab.play import play
from harness.scenario.load import find, load

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def _block(language: str, holding: str) -> str:
    (found,) = [text for kind, text in BLOCKS if kind == language and holding in text]
    return found


@pytest.fixture
def served() -> Iterator[str]:
    command = [sys.executable, "-m", "harness", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[2]
        server.terminate()


def _run(code: Path, *words: str, url: str, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(code), *words],
        env={
            **os.environ,
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "any",
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
        },
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_quick_start_runs_as_printed_in_two_processes(served: str, tmp_path: Path) -> None:
    code = tmp_path / "ask.py"
    code.write_text(_block("python", "# ask.py"), encoding="utf-8")
    questions = re.findall(r'^python ask\.py "(.*?)"', _block("", "python ask.py"), re.MULTILINE)
    assert len(questions) == 2
    for question in questions:
        assert _run(code, question, url=served, home=tmp_path).strip()
    with urllib.request.urlopen(f"{served}/__harness__/ledger", timeout=10) as page:
        attempts = json.loads(page.read())["attempts"]
    assert [(row["status"], row["messages"]) for row in attempts] == [(200, 1), (200, 3)]


def test_the_conversation_of_the_readme_runs_as_printed(served: str, tmp_path: Path) -> None:
    code = tmp_path / "chat.py"
    code.write_text(_block("python", "Conversation.open("), encoding="utf-8")
    first = _run(code, url=served, home=tmp_path)
    # The same message id again: the stored answer, and no second request.
    assert _run(code, url=served, home=tmp_path) == first
    with urllib.request.urlopen(f"{served}/__harness__/ledger", timeout=10) as page:
        assert len(json.loads(page.read())["attempts"]) == 1


def test_the_scenario_of_the_readme_is_one(tmp_path: Path) -> None:
    path = tmp_path / "readme.scenario.yaml"
    path.write_text(_block("yaml", "expect:"), encoding="utf-8")
    assert load(path).scenario.expect.resume is not None


def test_the_table_of_promises_says_what_findings_and_explain_say() -> None:
    told = re.findall(r"^\| ([PSWT]\d) \| (.*) \|$", README, flags=re.MULTILINE)
    assert told == [(promise.code, promise.says) for promise in PROMISES]


def test_the_table_of_promises_names_every_check_there_is() -> None:
    told = re.findall(r"^\| ([PSWT]\d) \|", README, flags=re.MULTILINE)
    assert set(told) == set(CHECKS)


def test_the_agent_of_the_readme_survives_the_first_scenario(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "scenarios")]) == 0
    code = tmp_path / "my_agent.py"
    code.write_text(_block("python", "# my_agent.py"), encoding="utf-8")
    first = tmp_path / "scenarios" / FIRST_NAME
    (played,) = play([load(first)], target=f"{code}:MyAgent").results
    assert (played.outcome, played.verdict.findings) == ("pass", ())


def test_the_agent_of_the_readme_keeps_two_users_apart(tmp_path: Path) -> None:
    code = tmp_path / "my_agent.py"
    code.write_text(_block("python", "# my_agent.py"), encoding="utf-8")
    (told,) = find([ROOT / "scenarios/sessions/two_users_never_meet.scenario.yaml"])
    (played,) = play([load(told)], target=f"{code}:MyAgent").results
    assert (played.outcome, played.verdict.findings) == ("pass", ())


def test_every_token_that_is_shown_names_a_story_of_today() -> None:
    shown = re.findall(r"hx1-([0-9a-f]{12})-\S+(?! .*--in)$", README, flags=re.MULTILINE)
    assert len(shown) >= 2
    known = {scenario_hash(load(path).scenario.dump()) for path in find([ROOT / "scenarios"])}
    assert set(shown) <= known
