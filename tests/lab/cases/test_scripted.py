"""One scenario as scripted: where the harness breaks in it, its verdict says so."""

from __future__ import annotations

from typing import Any

import pytest

from harness.lab.cases import scripted
from harness.lab.cases.scripted import Manner, play_scripted
from harness.lab.crashes import sweep as sweeping
from harness.lab.pool import POOL
from harness.lab.targets import find_target
from harness.report.result import Result
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.process import Stopped


def _play(target: str = "lifecycle", sweeps: bool = True, **fields: Any) -> Result:
    script = [{"repeat": 3, "every": "3m", "user": {"words": 9}, "reply": {"words": 12}}]
    told = {"name": "x", "script": script, "stack": {"window_tokens": 8000}, **fields}
    loaded = Loaded("somewhere/x.scenario.yaml", Scenario.model_validate(told))
    ref = find_target(target)
    with POOL.server(ref, lambda: False) as server:
        return play_scripted(loaded, Manner(ref, sweeps=sweeps), server)


def _breaks(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("of ours")


CRASH = {"faults": [{"crash": {"turn": 2, "at": "reply.received"}}], "sweep": {"disk": ["kill"]}}


def test_what_was_found_before_the_harness_broke_in_the_sweep_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeping, "sweep", _breaks)
    result = _play("naive", **CRASH)
    assert result.outcome == "fail"
    assert {finding.code for finding in result.verdict.findings} == {"P5"}
    (reason,) = result.verdict.reasons
    assert reason.startswith("the harness itself broke: ZeroDivisionError: of ours, at test_scr")


def test_a_judge_that_breaks_is_the_harness_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted, "judge", _breaks)
    result = _play()
    assert (result.outcome, result.verdict.findings) == ("invalid", ())
    (reason,) = result.verdict.reasons
    assert reason.startswith("the harness itself broke: ZeroDivisionError: of ours, at test_scr")
    assert next(result.record.of("ended"))


def test_what_led_to_the_break_is_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted, "run", _breaks)
    result = _play()
    (broke,) = result.record.of("broke")
    frames = broke.data["trace"]
    assert isinstance(frames, list)
    assert frames[0].startswith("scripted.py:")
    assert frames[-1].endswith(" in _breaks")


def test_a_user_who_stops_it_is_no_break(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any) -> None:
        raise Stopped

    monkeypatch.setattr(scripted, "run", stopped)
    with pytest.raises(Stopped):
        _play()


def test_without_its_sweep_a_scenario_has_no_states() -> None:
    assert not _play(sweeps=False, **CRASH).states
    assert _play(**CRASH).states["kill"].distinct > 0
