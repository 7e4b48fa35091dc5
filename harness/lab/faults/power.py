"""The power fails: of what a life wrote, only what its disk had to keep is still there.

Or time is turned back: of what it wrote, only the first so many operations were ever done.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from harness.world.disk.choices import Tier
from harness.world.disk.lay_down import lay_down
from harness.world.disk.replay import rebuild
from harness.world.disk.states import State, states
from harness.world.process import Tracing
from harness.world.syscalls.recorder import Trace


def power_cut(
    tracing: Tracing, home: Path, tier: Tier, number: int | None, after: int | None = None
) -> Tracing:
    """Leave in `home` what a power cut of this tier may leave now; the trace starts anew from it.

    With `after` it falls when only so many operations had been done. Many states are legal: the one
    with the least in it is taken, or the `number`-th (from 1) of those that the enumeration finds
    at this moment; LookupError where there are not so many.
    """
    trace = tracing.trace
    done = trace.operations[:after]
    legal = [state for state in states(done, tier, before=trace.before) if state.at == len(done)]
    if number is not None and number > len(legal):
        raise LookupError(f"state {number} of {tier}: there are {len(legal)} legal ones here")
    lay_down(min(legal, key=_size) if number is None else legal[number - 1], home)
    return dataclasses.replace(tracing, trace=Trace.of(home))


def set_back(tracing: Tracing, home: Path, operations: int) -> Tracing:
    """Leave in `home` what the first so many operations had made of it; the trace ends there.

    Where some are taken back, it starts anew: the files in `home` are no longer the same ones.
    """
    trace = tracing.trace
    if operations == len(trace.operations):
        return tracing
    for entry in home.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    rebuild(trace.operations[:operations], home, trace.before)
    return dataclasses.replace(tracing, trace=Trace.of(home))


def _size(state: State) -> tuple[int, int]:
    return sum(len(data) for data in state.files.values()), state.number
