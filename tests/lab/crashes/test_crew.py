"""Workers are forks that share out the work, say what they find, and what they break on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lab.crashes.crew import STRETCHES, WorkerDied, dealt, share_out
from harness.world.process import Server


class _Named:
    """All that a worker's server is here: a name, and whether the user wants to stop."""

    def __init__(self, name: str, stop: bool = False) -> None:
        self.name = name
        self.stop = stop

    def stopped(self) -> bool:
        return self.stop


def servers(count: int, *, stop: bool = False) -> Sequence[Server]:
    return cast("Sequence[Server]", [_Named(f"s{number}", stop) for number in range(count)])


def _squares(server: Any, items: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    for item in items:
        yield item * item, os.getpid(), server.name


def test_all_is_done_once_each_worker_on_its_own_server() -> None:
    said = [*share_out(_squares, range(20), servers(3))]
    assert sorted(square for square, _pid, _name in said) == [n * n for n in range(20)]
    assert len({(pid, name) for _square, pid, name in said}) == 3
    assert os.getpid() not in {pid for _square, pid, _name in said}


def test_one_server_is_served_right_here() -> None:
    assert {pid for _square, pid, _name in share_out(_squares, range(5), servers(1))} == {
        os.getpid()
    }


def test_what_a_worker_raises_is_raised_here_and_the_others_are_ended() -> None:
    def breaks(server: Any, items: Sequence[int]) -> Iterator[int]:
        for item in items:
            if item == 5:
                raise LookupError("five")
            yield os.getpid()

    seen: set[int] = set()

    def hear() -> None:
        seen.update(share_out(breaks, range(1, 9), servers(2)))

    with pytest.raises(LookupError, match="five"):
        hear()
    for pid in seen:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def test_a_worker_that_is_killed_is_missed() -> None:
    def dies(server: Any, items: Sequence[int]) -> Iterator[int]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield 1

    with pytest.raises(WorkerDied, match="status 9"):
        list(share_out(dies, range(4), servers(2)))


def test_whoever_wants_to_stop_is_heard_between_two_answers() -> None:
    def for_ever(server: Any, items: Sequence[int]) -> Iterator[int]:
        while True:
            yield 1

    with pytest.raises(KeyboardInterrupt):
        list(share_out(for_ever, range(4), servers(2, stop=True)))


@given(st.integers(1, 300), st.integers(1, 5))
def test_every_item_is_dealt_once_in_a_few_stretches_of_neighbours(items: int, count: int) -> None:
    shares = dealt(range(items), count)
    assert sorted(item for share in shares for item in share) == [*range(items)]
    assert len(shares) == count
    assert all(shares) or items < count
    for share in shares:
        gaps = [after for before, after in pairwise(share) if after != before + 1]
        assert len(gaps) < STRETCHES
        assert share == sorted(share)
