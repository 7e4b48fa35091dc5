"""One short story for all rooms here: its base is recorded once, on the reference stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.lab.cases.scripted import case_of
from harness.lab.crashes.base import Base, record_base
from harness.lab.crashes.judging import a_place
from harness.lab.pool import POOL
from harness.lab.targets import find_target
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.process import Server


def story(**fields: Any) -> Loaded:
    """Three turns, the second with a tool."""
    script = [
        {"user": "hello", "reply": {"text": "hi"}},
        {"user": "pay bob", "reply": [{"tool": "pay", "input": {"to": "bob"}}, {"text": "paid"}]},
        {"user": "bye", "reply": {"text": "see you"}},
    ]
    data = {
        "name": "swept",
        "stack": {"window_tokens": 8000, "checkpoint_every": 1},
        "tools": {"pay": {"takes": "2s"}},
        "script": script,
        **fields,
    }
    return Loaded("some/swept.scenario.yaml", Scenario.model_validate(data))


def recorded(server: Server, target: str) -> Base:
    """The base of the story on a target."""
    ref, loaded = find_target(target), story()
    with a_place(server) as home:
        return record_base(loaded, ref, case_of(loaded, ref, 0), server, home)


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """A warm server of the reference stack."""
    with POOL.server(find_target("lifecycle"), lambda: False) as server:
        yield server


@pytest.fixture(scope="package")
def base(server: Server) -> Base:
    """The story's run on the reference stack."""
    return recorded(server, "lifecycle")
