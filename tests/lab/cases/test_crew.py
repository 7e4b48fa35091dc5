"""The crew: whatever becomes of one scenario, the others are played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.lab.cases import crew as crews
from harness.lab.cases import scripted
from harness.lab.cases.crew import Crew
from harness.lab.cases.scripted import Manner
from harness.lab.targets import find_target
from harness.report.result import Result
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.syscalls.rehearsal import VARIABLE, UnknownRecorder
from tests.conftest import ODD

TOLD = "the harness itself broke: ZeroDivisionError: of ours, at test_crew.py:"


def _loaded(name: str, text: str = "hello") -> Loaded:
    script = [{"user": text, "reply": {"text": "x"}}]
    # Echo answers by itself: its replies are there for the targets that ask.
    fields = {"name": name, "script": script}
    return Loaded(f"somewhere/{name}.scenario.yaml", Scenario.model_validate(fields))


def _manner(target: str = "lifecycle") -> Manner:
    return Manner(find_target(target))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_scenario_on_which_the_harness_breaks_is_told_alone_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jobs: int
) -> None:
    play = scripted.run

    def run(scenario: Scenario, *more: Any) -> None:
        if scenario.name == "b":
            raise ZeroDivisionError("of ours")
        play(scenario, *more)

    monkeypatch.setattr(scripted, "run", run)
    heard: list[str] = []
    stories = [_loaded(name) for name in ("a", "b", "c", "d")]
    crew = Crew(_manner(), tmp_path, lambda result: heard.append(result.name))
    done = crew.play(stories, jobs)

    assert [result.outcome for result in done.results] == ["pass", "invalid", "pass", "pass"]
    assert done.results[1].story == "somewhere/b"
    assert done.results[1].verdict.reasons[0].startswith(TOLD)
    assert "report this" in done.results[1].verdict.reasons[0]
    assert done.exit_code == 3
    assert sorted(heard) == ["a", "b", "c", "d"]
    assert (tmp_path / "somewhere/b/record.jsonl").is_file()


def test_a_server_on_which_the_harness_broke_plays_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played_on: list[int] = []
    play = crews.play_scripted

    def remember(loaded: Loaded, manner: Manner, server: Any) -> Result:
        played_on.append(server.pid)
        result = play(loaded, manner, server)
        if loaded.scenario.name == "b":
            result.record.add("broke", {"error": "x", "trace": []}, at_ns=0, life=0, turn=None)
        return result

    monkeypatch.setattr(crews, "play_scripted", remember)
    Crew(_manner()).play([_loaded(name) for name in ("a", "b", "c")], 1)
    first, second, third = played_on
    assert first == second != third


def test_a_target_that_brings_its_server_down_is_not_held_against_the_next_scenario() -> None:
    stories = [_loaded("a", "fell"), _loaded("b")]
    first, second = Crew(_manner(f"{ODD}:Echo")).play(stories, 1).results
    assert first.outcome == "invalid"
    assert "the warm server has gone; the target may have ended it" in first.verdict.reasons[0]
    assert not any(second.record.of("broke"))
    assert next(second.record.of("ended"))


def test_what_concerns_every_scenario_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "a camera")
    with pytest.raises(UnknownRecorder):
        Crew(_manner()).play([_loaded("a"), _with_a_death("b")], 1)


def _with_a_death(name: str) -> Loaded:
    told = _loaded(name).scenario.dump()
    told["faults"] = [{"crash": {"turn": 1, "at": "fsync *"}}]
    return Loaded(f"somewhere/{name}.scenario.yaml", Scenario.model_validate(told))
