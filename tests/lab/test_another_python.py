"""Targets under another interpreter: on its standard library alone, and with what it has beside."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.lab import play as lab
from harness.lab.targets import TargetError
from harness.report.result import Result
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.syscalls.rehearsal import available

WORKS, WHY = available()
OURS = Path(sysconfig.get_path("purelib"))
KEEPS = """
import json, os, sys
from harness.protocol import Message

class Keeps:
    name = "keeps"

    def open_store(self, home, session_id):
        assert not any(name in sys.modules for name in ("anthropic", "respx", "httpx", "pydantic"))
        self.path = home / "log"
        return self

    def append(self, message):
        with open(self.path, "a") as log:
            log.write(json.dumps([message.role, message.content]) + "\\n")
            log.flush()
            os.fsync(log.fileno())

    def load(self):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [Message(*json.loads(line)) for line in lines]

    def close(self):
        pass

class Lazy(Keeps):
    def append(self, message):
        with open(self.path, "a") as log:
            log.write(json.dumps([message.role, message.content]) + "\\n")
"""
TALK = """
import sys, time, datetime
from harness.protocol import Message

class Talks:
    name = "talks"

    def open(self, home, session_id, settings, tools):
        import anthropic
        assert sys.prefix != sys.base_prefix
        self.client, self.said = anthropic.Anthropic(), []
        return self

    def send(self, message_id, text):
        self.said.append(Message("user", text))
        sent = [{"role": said.role, "content": said.content} for said in self.said]
        reply = self.client.messages.create(model="claude-sonnet-5-5", max_tokens=99, messages=sent)
        assert abs(datetime.datetime.now().timestamp() - time.time()) < 2
        self.said.append(Message("assistant", reply.content[0].text))
        return reply.content[0].text

    def history(self):
        return self.said

    def close(self):
        pass
"""


def _loaded(**fields: Any) -> Loaded:
    script = [
        {"user": "hello", "reply": {"text": "hi"}},
        {"wait": "5h"},
        {"user": "pay bob", "reply": [{"tool": "pay", "input": {"to": "bob"}}, {"text": "paid"}]},
    ]
    data = {"name": "elsewhere", "tools": {"pay": {"takes": "2s"}}, "script": script, **fields}
    return Loaded("some/elsewhere.scenario.yaml", Scenario.model_validate(data))


CHAT = {"script": [{"user": "hello", "reply": {"text": "hi"}}, {"user": "bye"}], "tools": {}}


def _venv(folder: Path, kept: Callable[[str], bool] = lambda name: False) -> str:
    """An environment of this interpreter, with those of our libraries that are to be kept."""
    make = [sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(folder)]
    subprocess.run(make, check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for entry in OURS.iterdir():
        if kept(entry.name) and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)
    return str(folder / "bin" / "python")


def _all_but(*names: str) -> Callable[[str], bool]:
    ours = ("harness", "_editable", "conversation_crash_lab", *names)
    return lambda name: not name.startswith(ours)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _venv(tmp_path_factory.mktemp("bare"))


@pytest.fixture
def keeps(tmp_path: Path) -> str:
    (tmp_path / "keeps.py").write_text(KEEPS, encoding="utf-8")
    return f"{tmp_path / 'keeps.py'}:Keeps"


@pytest.fixture
def talks(tmp_path: Path) -> str:
    (tmp_path / "talks.py").write_text(TALK, encoding="utf-8")
    return f"{tmp_path / 'talks.py'}:Talks"


def _play(target: str, python: str, **fields: Any) -> Result:
    return lab.play([_loaded(**fields)], target=target, python=python).results[0]


@pytest.mark.parametrize("at", [None, "tool.done", "reply.received"])
def test_a_store_needs_the_standard_library_and_nothing_else(
    bare: str, keeps: str, at: str | None
) -> None:
    faults = [{"crash": {"turn": 2, "at": at}}] if at else []
    result = _play(keeps, bare, faults=faults)
    assert result.outcome == "pass", result.verdict
    assert result.record.header.volatile["target"] is not None
    assert len(list(result.record.of("tool.effect"))) >= 1


def test_an_api_that_is_busy_is_asked_again_there_too(bare: str, keeps: str) -> None:
    result = _play(keeps, bare, faults=[{"http": {"turn": 1, "status": 529, "times": 2}}])
    assert result.outcome == "pass", result.verdict
    assert result.verdict.numbers.requests == 5


@pytest.mark.skipif(not WORKS, reason=WHY)
def test_a_sweep_there_finds_what_it_finds_here_and_each_token_replays(
    bare: str, keeps: str
) -> None:
    lazy = keeps.replace(":Keeps", ":Lazy")
    result = lab.sweep(_loaded(**CHAT), target=lazy, python=bare, tiers=("kill", "ext4"))
    assert {(one.code, one.tier) for one in result.verdict.findings} >= {("S1", "ext4")}
    finding = next(one for one in result.verdict.findings if one.code == "S1")
    again = lab.replay(finding.token, [_loaded(**CHAT)], target=lazy, python=bare)
    assert finding in again.verdict.findings


def test_where_a_death_falls_is_named_in_the_targets_own_file(bare: str, keeps: str) -> None:
    fault = {"crash": {"turn": 1, "at": "fsync log"}}
    record = _play(keeps, bare, faults=[fault]).record
    (crash,) = record.of("crashed")
    assert str(crash.data["where"]).startswith("keeps.py:")


def test_a_stack_with_the_sdk_and_our_doors_libraries_works_there(
    tmp_path: Path, talks: str
) -> None:
    python = _venv(tmp_path / "whole", _all_but())
    result = _play(talks, python, **CHAT)
    assert result.outcome == "pass", result.verdict
    assert not any(python in note for note in lab.notes())


def test_a_stack_whose_requests_could_not_be_caught_is_refused_with_the_cure(
    tmp_path: Path, talks: str
) -> None:
    python = _venv(tmp_path / "leaky", _all_but("respx"))
    with pytest.raises(TargetError) as refused:
        _play(talks, python, **CHAT)
    told = str(refused.value)
    assert "its requests could leave through httpcore2" in told
    assert f"{python} -m pip install" in told
    assert all(need in told for need in ("anthropic>=", "respx>=", "httpx>=", "time-machine>="))


def test_a_shipped_target_that_lacks_the_sdk_says_what_to_install(
    bare: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    story = tmp_path / "a.scenario.yaml"
    story.write_text("name: a\nscript: [{user: hi}]\n", encoding="utf-8")
    assert main(["run", str(story), "--target", "naive", "--python", bare]) == 4
    told = capsys.readouterr().err
    assert (
        "--target naive cannot be opened: ModuleNotFoundError: No module named 'anthropic'" in told
    )
    assert f"install it with `{bare} -m pip install 'anthropic>=2.0'" in told


def test_what_differs_without_time_machine_is_said_with_the_cure(
    bare: str, keeps: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    story = tmp_path / "a.scenario.yaml"
    story.write_text("name: a\nscript: [{user: hi}]\n", encoding="utf-8")
    assert main(["run", str(story), "--target", keeps, "--python", bare]) == 0
    told = capsys.readouterr().err
    assert f"note: {bare} lacks time_machine, so `datetime.now`" in told
    assert f"{bare} -m pip install 'time-machine>=" in told


def test_what_is_no_python_says_so(tmp_path: Path, keeps: str) -> None:
    with pytest.raises(TargetError, match="the process that imports the target ended by itself"):
        _play(keeps, "true")
    with pytest.raises(TargetError, match="no program of that name"):
        _play(keeps, str(tmp_path))
