"""`harness import` writes a scenario that runs, and touches nothing that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.scenario.load import load


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my session.jsonl"
    path.write_text(
        '{"role": "user", "content": "hello"}\n{"role": "assistant", "content": "hi"}\n'
        '{"role": "user", "content": "pay bob"}\n',
        encoding="utf-8",
    )
    return path


def test_it_writes_a_scenario_once(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(session)]) == 0
    out = capsys.readouterr().out
    path = Path("scenarios/imported/my_session.scenario.yaml")
    assert f"wrote {path}" in out
    assert "my session.jsonl, 2 turns. " in " ".join(out.split())
    assert f"\n  harness run {path}\n" in out
    assert "Turn 2 (line 3) has no answer: it dies there." in " ".join(out.split())
    assert len(load(path).scenario.script) == 3
    assert main(["import", str(session)]) == 4
    assert "is there already and stays as it is" in capsys.readouterr().err
    assert main(["run", str(path), "--target", "naive"]) == 1


def test_it_can_write_to_the_terminal(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(session), "--out", "-"]) == 0
    assert capsys.readouterr().out.startswith("name: what became of my session.jsonl\n")
    assert not Path("scenarios").exists()


def test_what_is_no_conversation_ends_4(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session.write_text("dear diary\n", encoding="utf-8")
    assert main(["import", str(session)]) == 4
    assert "expected a conversation" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["\\ud800 x", "word " * 900_000], ids=["half", "huge"])
def test_what_no_run_would_read_ends_4_and_nothing_is_written(
    session: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    session.write_text(f'{{"role": "user", "content": "{text}"}}\n', encoding="utf-8")
    assert main(["import", str(session)]) == 4
    assert "harness import: " in (err := capsys.readouterr().err)
    assert "expected" in err
    assert "Traceback" not in err
    assert not Path("scenarios").exists()
