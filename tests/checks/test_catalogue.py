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


def test_a_code_of_a_later_version_stands_for_itself() -> None:
    assert promise("Z9").code == "Z9"
    assert promise("Z9").says == "a promise that this version does not know"
