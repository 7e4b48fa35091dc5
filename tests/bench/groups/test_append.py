"""Appends are measured on a disk, beside the bytes that they write."""

from __future__ import annotations

from harness.bench.groups.append import FLOOR, cases
from harness.bench.plan import SIZES
from harness.bench.run import run


def test_ours_and_its_floor_are_measured_in_one_run() -> None:
    report = run(["append"], only="harness-full-100 and not 1000")
    ours, floor = report.rows
    assert (ours.subject, floor.subject) == ("harness", FLOOR)
    assert ours.note is not None
    assert ours.note.endswith(" bytes")
    assert ours.median is not None
    assert floor.median is not None
    assert 0.5 < ours.median / floor.median < 20


def test_every_size_is_measured() -> None:
    assert [case.size for case in cases(peers=False)] == list(SIZES)
    assert {case.subject for case in cases(peers=True)} == {
        *("harness", "llama-index", "Strands", "OpenAI Agents")
    }
