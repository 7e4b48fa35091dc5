"""SQLite's own: the settings that keep its word, a private file, errors that are told."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.lifecycle import Checkpoint, NotDurable, SessionBusy, SqliteStore, StoreUnavailable
from harness.lifecycle.stores import sqlite as room
from tests.lifecycle.stores.places import Place, contents


def test_every_commit_is_fsynced_in_wal_mode(sqlite: Place, monkeypatch: Any) -> None:
    made: list[sqlite3.Connection] = []
    real = sqlite3.connect

    def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        made.append(real(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(room.sqlite3, "connect", connect)
    held = sqlite.open()
    (database,) = made
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    held.release()


def test_what_a_dead_writer_left_in_the_log_is_copied_before_it_is_believed(sqlite: Place) -> None:
    held = sqlite.open()
    held.log.append("user", "left behind")
    with closing(sqlite3.connect(sqlite.where)) as other:
        # A second connection keeps the first one from clearing the log when it goes.
        assert other.execute("SELECT count(*) FROM records").fetchone() == (1,)
        held.release()
        assert b"left behind" not in Path(sqlite.where).read_bytes()
        held = sqlite.open()
        assert b"left behind" in Path(sqlite.where).read_bytes()
        held.release()


def test_the_file_and_what_lies_beside_it_are_private(sqlite: Place) -> None:
    held = sqlite.open()
    held.log.append("user", "one")
    folder = Path(sqlite.where).parent
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.glob("sessions.db*")}
    assert modes.pop("sessions.db.locks") == 0o700
    assert set(modes.values()) == {0o600}
    assert set(modes) == {"sessions.db", "sessions.db-wal", "sessions.db-shm"}
    held.release()


def test_a_database_that_cannot_be_put_into_wal_mode_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with pytest.raises(NotDurable, match="expected journal_mode 'wal', got 'memory'"):
            SqliteStore(":memory:").open("ada")


def test_a_file_that_is_no_database_is_told_and_left_alone(sqlite: Place) -> None:
    Path(sqlite.where).write_bytes(b"something else" * 100)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"not a database; .* brought back from a copy"):
            sqlite.open()
    assert Path(sqlite.where).read_bytes() == b"something else" * 100


def test_a_full_disk_is_not_acknowledged_and_the_next_append_is_whole(sqlite: Place) -> None:
    held = sqlite.open()
    held.log.append("user", "one")
    database = held.log._shelf._database  # type: ignore[attr-defined]
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(OSError, match="full"):
        held.log.append("user", "x" * 100_000)
    database.execute("PRAGMA max_page_count=100000")
    assert contents(held) == ["one"]
    held.log.append("user", "two")
    assert contents(held) == ["one", "two"]
    assert held.log.verify() == []
    held.release()


def test_no_word_of_a_conversation_goes_through_a_temporary_file(
    sqlite: Place, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.utime(elsewhere, ns=(0, 0))
    talk = f"""
from harness.lifecycle import Checkpoint, SqliteStore
for opening in range(2):
    held = SqliteStore({sqlite.where!r}).open("ada")
    for number in range(3):
        held.checkpoints.save(Checkpoint(number, tool_state={{"notes": "n" * 300_000}}))
        held.log.append("user", "x" * 300_000)
    held.release()
"""
    # It looks for its folder once a process. What it makes there is gone at once, not the trace.
    environment = {**os.environ, "SQLITE_TMPDIR": str(elsewhere)}
    subprocess.run([sys.executable, "-c", talk], env=environment, check=True)
    assert elsewhere.stat().st_mtime_ns == 0


def test_a_writer_that_was_overtaken_writes_nothing(sqlite: Place) -> None:
    held = sqlite.open()
    held.log.append("user", "one")
    with closing(sqlite3.connect(sqlite.where)) as other, other:
        other.execute("UPDATE sessions SET writer = writer + 1")
    with pytest.raises(SessionBusy, match="taken this session over"):
        held.log.append("user", "two")
    with pytest.raises(SessionBusy, match="taken this session over"):
        held.checkpoints.save(Checkpoint(1))
    assert contents(held) == ["one"]
    assert held.checkpoints.load() is None
    held.release()
