"""The power fails: of what a life wrote, only what its disk had to keep is still there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from harness.world.disk.choices import Tier
from harness.world.disk.lay_down import lay_down
from harness.world.disk.states import State, states
from harness.world.process import Tracing
from harness.world.syscalls.recorder import Trace


def power_cut(tracing: Tracing, home: Path, tier: Tier, number: int | None) -> Tracing:
    """Leave in `home` what a power cut of this tier may leave now; the trace starts anew from it.

    Many states are legal: the one with the least in it is taken, or the `number`-th (from 1) of
    those that the enumeration finds at this moment; LookupError where there are not so many.
    """
    trace = tracing.trace
    legal = [
        state
        for state in states(trace.operations, tier, before=trace.before)
        if state.at == len(trace.operations)
    ]
    if number is not None and number > len(legal):
        raise LookupError(f"state {number} of {tier}: there are {len(legal)} legal ones here")
    lay_down(min(legal, key=_size) if number is None else legal[number - 1], home)
    return dataclasses.replace(tracing, trace=Trace.of(home))


def _size(state: State) -> tuple[int, int]:
    return sum(len(data) for data in state.files.values()), state.number
