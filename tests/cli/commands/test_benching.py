"""`harness bench`: what it says, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.bench.machine import NoDisk
from harness.bench.row import Report, Row, dumps, related
from harness.bench.run import Broken, Interrupted
from harness.cli import main
from harness.cli.commands import benching

HERE = {"cpu": "A", "cores": 2, "system": "Linux x86_64", "python": "CPython 3.11.7"}


def some_report(turn_us: float = 2.0) -> Report:
    rows = [
        Row("window", "harness", None, workload, size, turn_us, "us/turn")
        for workload in ("full", "bounded")
        for size in (100, 100_000)
    ]
    return Report(HERE, related(rows))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """No measuring: the calls that would have measured."""
    calls: list[dict[str, Any]] = []

    def run(groups: list[str], **how: Any) -> Report:
        calls.append({"groups": groups, **how})
        how["on_case"]("harness-full-100", 1, 1)
        return some_report()

    monkeypatch.setattr(benching, "run", run)
    return calls


def test_a_group_is_measured_said_and_written(
    measured: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "new" / "bench.json"
    assert main(["bench", "window", "--json", str(written)]) == 0
    assert measured[0]["groups"] == ["window"]
    assert not measured[0]["peers"]
    said = capsys.readouterr().out
    assert "window, full: push one turn and get a 6,000-token window, us/turn" in said
    assert "kept" in said
    report = json.loads(written.read_text(encoding="utf-8"))
    assert [group["name"] for group in report["groups"]] == ["window"]
    assert {target["kept"] for target in report["targets"]} == {True, None}


def test_with_the_json_on_stdout_people_read_stderr(
    measured: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "window", "--json", "-"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["version"] == 1
    assert "1 of 1 measured" in said.err


def test_a_missed_target_is_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benching, "run", lambda *_, **__: some_report(9.0))
    assert main(["bench", "window"]) == 1
    assert "MISSED" in capsys.readouterr().out


def test_an_unknown_group_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "trim"]) == 4
    assert capsys.readouterr().err == (
        "harness bench: unknown group 'trim': expected one of window, count, restore, append, "
        "cost, sim\n"
    )


def test_peers_without_a_peer_is_nothing_to_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benching, "present", lambda: ())
    assert main(["bench", "window", "--peers"]) == 5
    assert "expected at least one peer, got none installed; `uv sync --group peers`" in (
        capsys.readouterr().err
    )


def test_a_machine_without_a_disk_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nowhere() -> Path:
        raise NoDisk("expected a writable folder on a disk, got none")

    monkeypatch.setattr(benching, "disk_folder", nowhere)
    assert main(["bench", "append"]) == 4
    assert "expected a writable folder on a disk" in capsys.readouterr().err


def test_a_baseline_from_another_machine_is_said_so(
    measured: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    report = some_report(1.0)
    other.write_text(dumps(Report({**HERE, "cpu": "B"}, report.rows)), encoding="utf-8")
    assert main(["bench", "window", "--against", str(other)]) == 0
    said = capsys.readouterr().out
    assert "from another machine (cpu is 'A' here and 'B' there): absolute times are not" in said
    assert "-> 2" not in said


def test_a_baseline_that_is_none_is_refused_before_anything_is_measured(
    measured: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}", encoding="utf-8")
    assert main(["bench", "--against", str(bad)]) == 4
    assert main(["bench", "--against", str(tmp_path / "none.json")]) == 4
    assert measured == []
    assert "expected a report that `harness bench --json` wrote" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"), [(Broken("it broke"), 3), (Interrupted(some_report()), 2)]
)
def test_what_broke_and_what_was_interrupted_have_codes_of_their_own(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*_: Any, **__: Any) -> Report:
        raise error

    monkeypatch.setattr(benching, "run", run)
    assert main(["bench", "window"]) == code
    said = capsys.readouterr()
    assert ("it broke" in said.err) == (code == 3)
    assert ("window, full" in said.out) == (code == 2)


def test_help_does_not_wait_for_anything(capsys: pytest.CaptureFixture[str]) -> None:
    """What it imports is counted in tests/cli/test_entry.py."""
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    assert "--peers" in capsys.readouterr().out


def test_a_page_is_written_where_it_is_asked_for(
    measured: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert main(["bench", "window", "--page", str(tmp_path / "new" / "bench.html")]) == 0
    text = (tmp_path / "new" / "bench.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "A turn of the window, the whole history kept" in text


def test_what_cannot_be_written_hides_no_figure_and_ends_4(
    measured: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "window", "--json", "/dev/full"]) == 4
    said = capsys.readouterr()
    assert "window, full" in said.out
    assert said.err.startswith(
        "--json /dev/full: expected to write it, got No space left on device"
    )
