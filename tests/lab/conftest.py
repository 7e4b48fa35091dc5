"""Warm servers for the tests of the lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.lab.targets import find_target
from harness.world.process import Server


@pytest.fixture(scope="module")
def naive_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(find_target("naive").order(), tmp_path_factory.mktemp("lives"))
    yield server
    server.close()
