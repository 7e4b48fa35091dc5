"""Damage at rest: a few bytes of the file that is meant, or all of it, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.lab.faults.damage import BYTES, Spoilt, spoil
from harness.scenario.faults import Damage
from harness.world.process import Server
from tests.lab.playing import play, scenario_of

TEXT = "".join(f"line {number}\n" for number in range(20))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log.jsonl").write_text(TEXT)
    (tmp_path / "log.jsonl").write_text("short\n")
    (tmp_path / "checkpoint.json").write_text("{}")
    (tmp_path / "empty").write_text("")
    return tmp_path


def _damage(**fields: Any) -> Damage:
    return Damage.model_validate({"turn": 1, **fields})


@pytest.mark.parametrize(("what", "at"), [("garbage", 0.5), ("garbage", 1.0), ("nul", 0.0)])
def test_a_few_bytes_of_the_largest_file_are_changed_and_all_others_kept(
    home: Path, what: str, at: float
) -> None:
    spoilt = spoil(home, _damage(file="*.jsonl", what=what, at=at))
    after = (home / "deep" / "log.jsonl").read_bytes()
    assert spoilt is not None
    assert spoilt.path == "deep/log.jsonl"
    changed = [i for i, (a, b) in enumerate(zip(TEXT.encode(), after, strict=True)) if a != b]
    assert changed == list(range(spoilt.offset, spoilt.offset + BYTES))
    assert not set(after[spoilt.offset : spoilt.offset + BYTES]) & set(range(1, 128))
    assert (home / "log.jsonl").read_text() == "short\n"


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
def test_one_bit_makes_a_letter_another_one_and_the_line_reads_well(home: Path, at: float) -> None:
    spoilt = spoil(home, _damage(file="*.jsonl", what="flip", at=at))
    after = (home / "deep" / "log.jsonl").read_text()
    assert spoilt is not None
    changed = [i for i, (a, b) in enumerate(zip(TEXT, after, strict=True)) if a != b]
    assert changed == [spoilt.offset]
    assert spoilt.size == 1
    assert after[spoilt.offset].isalpha()
    assert bin(ord(after[spoilt.offset]) ^ ord(TEXT[spoilt.offset])).count("1") == 1


def test_without_a_letter_no_bit_is_flipped(home: Path) -> None:
    assert spoil(home, _damage(file="checkpoint.json", what="flip")) is None


def test_an_emptied_file_is_there_and_holds_nothing(home: Path) -> None:
    assert spoil(home, _damage(file="check", what="empty")) == Spoilt("checkpoint.json", 0, 2)
    assert (home / "checkpoint.json").read_bytes() == b""


@pytest.mark.parametrize("file", ["nothing.here", "empty"])
def test_what_is_not_there_cannot_be_spoilt(home: Path, file: str) -> None:
    assert spoil(home, _damage(file=file)) is None


def test_the_process_ends_and_another_opens_what_is_damaged(
    naive_server: Server, tmp_path: Path
) -> None:
    faults = [{"damage": {"turn": 2, "at": 0.0}}, {"damage": {"turn": 3, "file": "nowhere"}}]
    record = play(naive_server, tmp_path / "home", scenario_of(faults=faults))
    (crash,) = record.of("crashed")
    assert (crash.data["at"], crash.data["fault"], crash.turn) == ("rest (garbage)", 0, 2)
    assert [event.kind for event in record.events][-1] == "history.failed"
    assert [event.data["fault"] for event in record.of("fault.fired")] == [0]
