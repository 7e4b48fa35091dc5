"""The workshop that records, for the tests of the recorder and of the model of disks."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.world.disk.lay_down import memory_directory
from harness.world.syscalls.rehearsal import available
from tests.stacks.recording import Workshop


@pytest.fixture(scope="session")
def workshop() -> Iterator[Workshop]:
    """One warm process for all runs; without a recorder its tests cannot run, and say why."""
    works, why = available()
    if not works:
        pytest.skip(reason=why)
    workshop = Workshop()
    yield workshop
    workshop.close()


@pytest.fixture
def fresh() -> Iterator[Callable[[], Path]]:
    """Makes empty directories in memory, and removes them."""
    root = Path(tempfile.mkdtemp(prefix="harness-", dir=memory_directory()))
    numbers = iter(range(10**9))

    def make() -> Path:
        path = root / str(next(numbers))
        path.mkdir()
        return path

    yield make
    shutil.rmtree(root)
