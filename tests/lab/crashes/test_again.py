"""A second crash: the recovery of a state is a base of its own, and its states are cases too."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.case import parse
from harness.lab.crashes.again import record_recovery, recover, sample
from harness.lab.crashes.base import Base, begin
from harness.lab.crashes.judging import a_place, crash_into
from harness.world.disk.replay import mismatch
from harness.world.disk.states import State, states
from harness.world.process import Server
from harness.world.syscalls.rehearsal import available
from harness.world.tree import difference

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)


@pytest.fixture(scope="module")
def torn(base: Base) -> State:
    """A state with something to repair: the last write of the log in part."""
    found = [left for left in states(base.operations, "posix") if "of its sectors" in left.choice]
    return found[len(found) // 2]


def test_a_recovery_is_recorded_from_the_state_on(base: Base, torn: State, server: Server) -> None:
    with a_place(server) as home:
        second = record_recovery(base, torn, server, home)
        assert mismatch(second.operations, home, second.before) is None
    assert difference(torn.tree(), second.before) is None
    assert len(second.disk) == len(second.operations) > 0
    assert second.crashes == 1
    assert second.recovered is not None


def test_a_second_crash_is_a_case_with_both_in_its_token_and_its_record(
    base: Base, torn: State, server: Server
) -> None:
    with a_place(server) as home:
        second = record_recovery(base, torn, server, home)
    left = states(second.operations, "posix", before=second.before).distinct[0]
    _record, midway = begin(second, left)
    assert midway.recovered == second.recovered
    with a_place(server) as home:
        record = crash_into(second, left, server, home)
    assert [event.data["crash"] for event in record.of("crashed")] == [1, 2, 3]
    assert [event.data["after_crash"] for event in record.of("history")] == [2, 3]
    assert len(list(record.of("recovered"))) == 1
    choice = parse(record.header.token).choice
    assert choice.startswith(parse(second.case.token).choice + ".p")
    assert len(record.header.token) < 100


def test_once_something_was_said_or_asked_a_crash_is_not_in_the_recovery(
    base: Base, torn: State, server: Server
) -> None:
    with a_place(server) as home:
        second = record_recovery(base, torn, server, home)
    last = states(second.operations, "kill", before=second.before).distinct[-1]
    _record, midway = begin(second, last)
    assert midway.recovered is None


def test_the_states_of_several_recoveries_are_counted_and_judged(
    base: Base, torn: State, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.lab.crashes.again.STATES_MAX", 5)
    (one,) = recover(server, base, [torn])
    assert one.number == torn.number
    assert one.judged == len(one.verdicts) <= 5 < one.distinct
    assert {verdict.outcome for verdict in one.verdicts} == {"pass"}


def test_a_sample_is_even_and_bounded(base: Base, tmp_path: Path) -> None:
    all_of_them = states(base.operations, "kill").distinct
    assert sample(all_of_them, len(all_of_them)) == all_of_them
    few = sample(all_of_them, 5)
    assert 3 <= len(few) <= 5
    assert few[0] == all_of_them[0]
