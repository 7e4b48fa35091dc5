"""Targets held against a run."""

from __future__ import annotations

from harness.bench.goals import GOALS, LONG, judge
from harness.bench.plan import GROUPS
from harness.bench.row import Report, Row, related


def test_a_target_is_kept_or_missed_with_a_note_on_by_how_much() -> None:
    floor = Row("append", "bare write + fsync", None, "full", 100, 100.0, "us/message")
    for ours, kept in ((119.0, True), (150.0, False)):
        row = Row("append", "harness", None, "full", 100, ours, "us/message")
        (target,) = judge(Report({}, related([row, floor])), ["append"])
        assert target.kept is kept
        assert target.measured == f"{ours / 100:.2f}x"
        assert target.note is None if kept else "1.25" in str(target.note)


def test_what_was_not_measured_is_neither_kept_nor_missed() -> None:
    targets = judge(Report({}, ()), list(GROUPS))
    assert len(targets) == len(GOALS)
    assert {target.kept for target in targets} == {None}
    assert all(target.note and target.measured == "not measured" for target in targets)


def test_an_exponent_too_steep_misses_its_target() -> None:
    rows = [
        Row("window", "harness", None, "full", size, 2.0 * (size / 100) ** 0.2, "us/turn")
        for size in (100, LONG)
    ]
    found = {target.name: target for target in judge(Report({}, related(rows)), ["window"])}
    assert found["growth of a turn from 100 to 100,000 turns"].kept is False
    assert found["a turn of the window, at every size"].kept is False


def test_a_ratio_to_a_peer_is_taken_at_one_size() -> None:
    rows = [
        Row("window", "harness", None, "full", LONG, 2.0, "us/turn"),
        Row("window", "harness", None, "full", 100, 1.0, "us/turn"),
        Row("window", "LangChain", "1", "full", LONG, 200_000.0, "us/turn"),
    ]
    found = {target.name: target for target in judge(Report({}, related(rows)), ["window"])}
    assert found["against LangChain, 100,000 turns kept"].measured == "100,000x"
    assert found["against LangChain, 100,000 turns kept"].kept


def test_a_miss_on_a_busy_machine_says_that_it_was_busy() -> None:
    rows = related(
        [
            Row("append", "harness", None, "full", 100, 150.0, "us/message"),
            Row("append", "bare write + fsync", None, "full", 100, 100.0, "us/message"),
        ]
    )
    (busy,) = judge(Report({"load": 12.5, "cores": 2}, rows), ["append"])
    (quiet,) = judge(Report({"load": 0.5, "cores": 2}, rows), ["append"])
    assert str(busy.note).endswith("others were busy on it (load 12.5 on 2 cores)")
    assert "busy" not in str(quiet.note)
