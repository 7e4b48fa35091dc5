"""Servers that live as long as the tests, and a fresh session in each kind of store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lifecycle.stores.places import KINDS, Place, fresh_session
from tests.lifecycle.stores.servers import Postgres, Valkey


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """A Valkey."""
    server = Valkey()
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture
def postgres(postgres_server: Postgres) -> Place:
    """A session in PostgreSQL."""
    return Place("postgres", postgres_server.conninfo, fresh_session(), postgres_server)


@pytest.fixture
def valkey(valkey_server: Valkey) -> Place:
    """A session in Valkey."""
    return Place("valkey", valkey_server.url, fresh_session(), valkey_server)


@pytest.fixture
def sqlite(tmp_path: Path) -> Place:
    """A session in SQLite."""
    return Place("sqlite", str(tmp_path / "sessions.db"), fresh_session())


@pytest.fixture
def jsonl(tmp_path: Path) -> Place:
    """A session in files."""
    return Place("jsonl", str(tmp_path / "home"), fresh_session())


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Place:
    """A session in each kind of store."""
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["postgres", "valkey"])
def served(request: pytest.FixtureRequest) -> Place:
    """A session in each kind of store that has a server."""
    found: Place = request.getfixturevalue(request.param)
    return found
