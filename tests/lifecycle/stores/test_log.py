"""The log over rows: what was not acknowledged is not there, what is lost is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle.storage.durable import seal
from harness.lifecycle.stores.log import StoredLog, read_rows
from tests.lifecycle.stores.resting import MemoryShelf


@given(st.lists(st.sampled_from(["", "before", "after"]), max_size=12))
def test_a_record_is_there_once_however_its_writes_fail(failures: list[str]) -> None:
    shelf = MemoryShelf()
    log = StoredLog(shelf, now=lambda: 5)
    acknowledged = []
    for number, shelf.fails in enumerate(failures):
        try:
            acknowledged.append(log.append("user", f"record {number}"))
        except OSError:
            continue
        finally:
            assert log.read_all() == acknowledged
    assert log.verify() == []
    assert [record.sequence for record in acknowledged] == list(range(len(acknowledged)))


def test_what_was_written_and_not_acknowledged_is_read_by_the_next_writer_at_most_once() -> None:
    shelf = MemoryShelf()
    log = StoredLog(shelf, now=lambda: 5)
    log.append("user", "one")
    shelf.fails = "after"
    with pytest.raises(OSError, match="acknowledged"):
        log.append("user", "two")
    again = StoredLog(shelf, now=lambda: 5)
    assert [record.content for record in again.settle()] == ["one", "two"]
    again.append("user", "three")
    assert [record.sequence for record in again.read_all()] == [0, 1, 2]


def test_a_lost_record_is_missed_also_at_the_end() -> None:
    shelf = MemoryShelf()
    log = StoredLog(shelf, now=lambda: 5)
    for number in range(4):
        log.append("user", f"record {number}")
    del shelf.lines[3], shelf.lines[1]
    assert [(each.line, each.offset) for each in log.verify()] == [(2, 1), (4, 3)]
    again = StoredLog(shelf)
    assert len(again.settle(tail=(2, 2))) == 2
    assert again.append("user", "next").sequence == 4


def test_a_record_in_another_ones_row_is_damage() -> None:
    shelf = MemoryShelf()
    log = StoredLog(shelf, now=lambda: 5)
    first = log.append("user", "one")
    log.append("user", "two")
    shelf.lines[1] = (b"", seal(first.as_json(1)))
    (damage,) = log.verify()
    assert damage.reason == "record 0 stands in the row of 1"


def test_closing_a_log_loses_nothing() -> None:
    log = StoredLog(MemoryShelf(), now=lambda: 5)
    log.append("user", "one")
    log.close()
    assert [record.content for record in log.read_all()] == ["one"]


def test_no_rows_are_no_records() -> None:
    assert read_rows([], 0, 0) == ([], [], 0)
