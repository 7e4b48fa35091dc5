"""Warm servers for the tests of the lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.world.process import Server
from tests.servers import a_server


@pytest.fixture(scope="module")
def naive_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = a_server("naive", tmp_path_factory.mktemp("lives"))
    yield server
    server.close()
