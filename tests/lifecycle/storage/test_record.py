"""Reading records out of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle.storage.durable import seal
from harness.lifecycle.storage.record import Record, scan


def line(sequence: int) -> bytes:
    record = Record("user", f"text {sequence}", f"r{sequence}", sequence, 1, 2)
    return seal(record.as_json(1)) + b"\n"


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail(data: bytes) -> None:
    found = scan(data)
    assert found.records == []
    assert found.good_end == 0
    assert bool(found.damage) == bool(data)


@given(st.binary(max_size=60), st.integers(0, 3))
def test_a_writer_goes_on_after_the_last_whole_record(junk: bytes, count: int) -> None:
    good = b"".join(map(line, range(count)))
    found = scan(good + junk)
    assert [record.sequence for record in found.records] == list(range(count))
    assert found.good_end == len(good)
    assert found.next_sequence == count
    assert all(each.torn for each in found.damage)


def test_a_record_knows_where_it_begins() -> None:
    found = scan(line(0) + line(1))
    assert [record.offset for record in found.records] == [0, len(line(0))]
