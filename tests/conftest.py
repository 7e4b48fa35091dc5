"""What several rooms' tests stand on: a warm server, started once a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lab.targets import find_target
from harness.world.process import Server

ODD = Path(__file__).parent / "stacks" / "odd.py"


@pytest.fixture(scope="session")
def echo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A warm server of `tests/stacks/odd.py:Echo`."""
    root = tmp_path_factory.mktemp("lives")
    server = Server(find_target(f"{ODD}:Echo").order(), root)
    yield server
    server.close()
