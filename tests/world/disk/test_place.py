"""A place in a trace fits in a token, knows its own trace again, and tells where another parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from harness.world.disk.place import diverged, place_of, read_place
from harness.world.syscalls.operations import Operation


def trace(sizes: Sequence[int]) -> list[Operation]:
    """A trace of writes of these sizes, one after the other."""
    return [
        Operation("write", "write", "log", 0, offset=sum(sizes[:n]), data=bytes(size))
        for n, size in enumerate(sizes)
    ]


TRACES = st.lists(st.integers(1, 9), min_size=1, max_size=60).map(trace)


@given(TRACES, st.integers(0, 60))
def test_a_place_is_written_read_and_found_in_its_own_trace(
    operations: list[Operation], at: int
) -> None:
    place = place_of(operations, min(at, len(operations)))
    assert read_place(str(place)) == place
    assert len(str(place)) <= 20
    assert diverged(operations, place) is None


@given(TRACES, st.data())
def test_what_comes_after_the_place_does_not_count(
    operations: list[Operation], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(operations) - 1))
    other = [*operations[: at + 1], *trace([3, 3])]
    assert diverged(other, place_of(operations, at)) is None


@given(TRACES, st.data())
def test_an_operation_that_changed_before_the_place_is_bracketed(
    operations: list[Operation], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(operations) - 1))
    changed = data.draw(st.integers(0, at))
    other = [*operations]
    other[changed] = replace(other[changed], kind="fsync", data=b"")
    found = diverged(other, place_of(operations, at))
    assert found is not None
    assert found[0] <= changed < found[1]


def test_a_trace_that_is_too_short_parts_where_it_ends() -> None:
    whole = trace([1] * 14)
    assert diverged(whole[:9], place_of(whole, 13)) == (8, 10)


def test_what_is_no_place_is_read_as_none() -> None:
    assert read_place("85095ca13f5b") is None
    assert read_place("12.short") is None
