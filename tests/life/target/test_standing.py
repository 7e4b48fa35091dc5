"""A process that gives no sign of life still says where it stands."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import time
from collections.abc import Iterator

import pytest

from harness.life.target.standing import suspended, tell_when_asked, write_stacks_to
from harness.world.outcome import stack_in


@pytest.fixture
def written() -> Iterator[int]:
    """Where the stacks go; what the signal did before is put back."""
    before = signal.getsignal(signal.SIGUSR1)
    output = os.memfd_create("stacks")
    yield output
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        faulthandler.unregister(number)
    signal.signal(signal.SIGUSR1, before)
    os.close(output)


def test_a_busy_thread_is_met_where_it_is(written: int) -> None:
    write_stacks_to(written)
    os.kill(os.getpid(), signal.SIGUSR2)
    frame = stack_in(written, 0)[0]
    assert __file__ in frame
    assert "in test_a_busy_thread_is_met_where_it_is" in frame


async def _never() -> None:
    await asyncio.get_running_loop().create_future()


async def _outer() -> None:
    await _never()


def test_a_coroutine_that_waits_is_told_too(written: int) -> None:
    tell_when_asked(written)

    async def talk() -> None:
        waiting = asyncio.create_task(_outer())
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0)
        waiting.cancel()

    asyncio.run(talk())
    awaited = [frame for frame in stack_in(written, 0) if frame.endswith("in await")]
    lines = {_never.__code__.co_firstlineno + 1, _outer.__code__.co_firstlineno + 1}
    told = {int(frame.split("line ")[1].split()[0]) for frame in awaited}
    assert lines <= told


def test_what_waits_is_told_from_the_inside_out() -> None:
    async def talk() -> list[int]:
        waiting = asyncio.create_task(_outer())
        await asyncio.sleep(0)
        lines = [line for path, line in suspended() if path == __file__]
        waiting.cancel()
        return lines

    lines = asyncio.run(talk())
    inner, outer = (code.co_firstlineno + 1 for code in (_never.__code__, _outer.__code__))
    assert lines.index(inner) < lines.index(outer)
    assert [*suspended()] == []
