"""PostgreSQL's own: the settings that keep its word, lost connections, a missing driver."""

from __future__ import annotations

import logging
import sys

import psycopg
import pytest

from harness.lifecycle import Checkpoint, NotDurable, PostgresStore, SessionBusy, StoreUnavailable
from tests.lifecycle.stores.places import Place, contents, fresh_session


def told(place: Place, *words: str) -> list[tuple[object, ...]]:
    """What the server answers to the last of these."""
    with psycopg.connect(place.where, autocommit=True) as connection:
        for word in words:
            answer = connection.execute(word.encode())
        return answer.fetchall() if answer.description else []


def test_commits_wait_for_the_disk_where_the_default_is_not_to(postgres: Place) -> None:
    lax = PostgresStore(postgres.where + " options='-c synchronous_commit=off'")
    held = lax.open(postgres.session_id)
    connection = held.log._shelf._connection  # type: ignore[attr-defined]
    assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    held.release()


def test_a_server_without_fsync_is_refused_unless_loss_is_accepted(
    postgres: Place, caplog: pytest.LogCaptureFixture
) -> None:
    told(postgres, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    try:
        while told(postgres, "SHOW fsync") != [("off",)]:
            pass
        with pytest.raises(NotDurable, match="expected the server's fsync on, got off"):
            postgres.open()
        with caplog.at_level(logging.WARNING, "harness.lifecycle"):
            PostgresStore(postgres.where, accept_loss=True).open(postgres.session_id).release()
        assert "may be lost" in caplog.text
    finally:
        told(postgres, "ALTER SYSTEM RESET fsync", "SELECT pg_reload_conf()")
        while told(postgres, "SHOW fsync") != [("on",)]:
            pass


def cut_off(place: Place) -> None:
    """End every other connection to the server."""
    told(
        place,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    )


def test_a_lost_connection_is_made_again_and_the_session_is_still_held(postgres: Place) -> None:
    held = postgres.open()
    held.log.append("user", "one")
    cut_off(postgres)
    held.log.append("user", "two")
    with pytest.raises(SessionBusy):
        postgres.open()
    assert contents(held) == ["one", "two"]
    held.release()


def test_a_writer_that_was_overtaken_while_cut_off_writes_nothing(postgres: Place) -> None:
    first = postgres.open()
    first.log.append("user", "one")
    cut_off(postgres)
    second = postgres.open()
    with pytest.raises(SessionBusy, match="another writer"):
        first.log.append("user", "mine")
    second.release()
    with pytest.raises(SessionBusy, match="taken this session over"):
        first.log.append("user", "mine")
    third = postgres.open()
    assert contents(third) == ["one"]
    third.release()


def test_a_writer_whose_number_is_old_writes_nothing(postgres: Place) -> None:
    held = postgres.open()
    held.log.append("user", "one")
    told(postgres, "UPDATE conversation_sessions SET writer = writer + 1")
    with pytest.raises(SessionBusy, match="taken this session over"):
        held.log.append("user", "two")
    with pytest.raises(SessionBusy, match="taken this session over"):
        held.checkpoints.save(Checkpoint(1))
    assert contents(held) == ["one"]
    assert held.checkpoints.load() is None
    held.release()


def test_a_server_that_is_not_there_is_told(postgres: Place) -> None:
    with pytest.raises(StoreUnavailable, match="PostgreSQL says"):
        PostgresStore(f"host={postgres.where.split()[0]}/nowhere").open("ada")


def test_what_is_released_stays_released(postgres: Place) -> None:
    held = postgres.open()
    held.release()
    with pytest.raises(StoreUnavailable, match="closed"):
        held.log.append("user", "late")


def test_tables_are_made_in_the_schema_that_the_connection_names(postgres: Place) -> None:
    schema = fresh_session().replace("-", "_")
    told(postgres, f"CREATE SCHEMA {schema}")
    store = PostgresStore(postgres.where + f" options='-c search_path={schema}'")
    held = store.open("ada")
    held.log.append("user", "one")
    held.release()
    assert told(postgres, f"SELECT count(*) FROM {schema}.conversation_records") == [(1,)]


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ImportError, match=r"\[postgres\]"):
        PostgresStore("host=nowhere").open("ada")


def test_a_released_session_is_free_at_once(
    postgres: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the server had not yet seen that the connection is closed.
    monkeypatch.setattr(psycopg.Connection, "close", lambda self: late.append(self))
    late: list[psycopg.Connection] = []
    postgres.open().release()
    postgres.open().release()
    monkeypatch.undo()
    assert len(late) == 2
    for connection in late:
        connection.close()
