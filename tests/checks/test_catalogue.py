"""The catalogue of promises."""

from __future__ import annotations

from harness.checks.catalogue import PROMISES, promise


def test_there_are_twenty_promises_each_with_its_own_code_and_name() -> None:
    assert len({promise.code for promise in PROMISES}) == 20
    assert len({promise.name for promise in PROMISES}) == 20


def test_each_promise_fits_one_line_of_a_screen() -> None:
    assert all(0 < len(promise.says) <= 88 for promise in PROMISES)


def test_a_promise_is_found_by_its_code() -> None:
    assert promise("P2").name == "effect-exactly-once"
    assert promise("T1").name == "time-honest"


def test_an_expected_number_is_its_own_promise() -> None:
    assert promise("expect.lost_turns").says == "a number that this scenario expects"
