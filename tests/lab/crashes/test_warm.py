"""A warm life does with every state what forks of its own would do, to the last event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lab.crashes import warm as room
from harness.lab.crashes.base import Base, begin
from harness.lab.crashes.judging import a_place, crash_into
from harness.lab.crashes.warm import Warm
from harness.lab.pool import POOL
from harness.lab.runner import run
from harness.lab.targets import find_target
from harness.record import Record
from harness.world.disk.lay_down import lay_down
from harness.world.disk.states import State, states
from harness.world.process import Server
from harness.world.syscalls.rehearsal import available
from tests.lab.crashes.conftest import recorded

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)
HONEST = str(Path(__file__).parents[2] / "broken" / "honest.py:Honest")


@pytest.fixture(params=["lifecycle", HONEST, "naive"], ids=["lifecycle", "honest", "naive"])
def stack(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Base]]:
    with POOL.server(find_target(request.param), lambda: False) as server:
        yield server, recorded(server, request.param)


def _in_warmth(base: Base, left: State, server: Server, warm: Warm) -> Record:
    with a_place(server) as home:
        lay_down(left, home)
        record, midway = begin(base, left)
        warm.clock.begin_at(0)
        seen: dict[str, Any] = {"midway": midway, "clock": warm.clock, "lives": warm.lives}
        run(base.scenario, record, server, home, **seen)
    return record


def test_its_record_of_each_state_is_that_of_forks(stack: tuple[Server, Base]) -> None:
    server, base = stack
    warm = Warm(server, base.scenario)
    for left in states(base.operations, "posix").distinct[::7]:
        with a_place(server) as home:
            alone = crash_into(base, left, server, home)
        assert _in_warmth(base, left, server, warm).events == alone.events
    warm.close()


def test_it_is_one_process_until_it_is_old(
    base: Base, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    born: list[int] = []

    class Counted(room.Life):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            born.append(self.pid)

    monkeypatch.setattr(room, "Life", Counted)
    monkeypatch.setattr(room, "STATES_A_LIFE", 6)
    warm = Warm(server, base.scenario)
    for left in states(base.operations, "kill").distinct[:6]:
        assert any(_in_warmth(base, left, server, warm).of("ended"))
    warm.close()
    assert len(born) == 2


def test_a_case_that_breaks_off_leaves_no_answers_to_the_next_one(
    base: Base, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> bool:
        raise RuntimeError("a case that breaks off")

    (left,) = states(base.operations, "kill").distinct[9:10]
    warm = Warm(server, base.scenario)
    _in_warmth(base, left, server, warm)
    with monkeypatch.context() as patch:
        patch.setattr(room.Lives, "_remember", breaks)
        assert any(_in_warmth(base, left, server, warm).of("broke"))
    with a_place(server) as home:
        alone = crash_into(base, left, server, home)
    assert _in_warmth(base, left, server, warm).events == alone.events
    warm.close()


def test_it_leaves_no_directory_behind(base: Base, server: Server) -> None:
    before = set(server.root.iterdir())
    warm = Warm(server, base.scenario)
    _in_warmth(base, states(base.operations, "kill").distinct[3], server, warm)
    warm.close()
    assert set(server.root.iterdir()) == before
