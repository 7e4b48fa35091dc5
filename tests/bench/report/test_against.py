"""A run against a stored one."""

from __future__ import annotations

from harness.bench.report.against import compare
from harness.bench.row import Report, Row, related

HERE = {"cpu": "A", "cores": 2, "system": "Linux x86_64", "python": "CPython 3.11.7"}


def run(ours: float, peer: float, machine: dict[str, object] | None = None) -> Report:
    rows = [
        Row("window", "harness", None, "full", size, ours * factor, "us/turn")
        for size, factor in ((100, 1.0), (1_000, ours))
    ]
    rows.append(Row("window", "peer", "1", "full", 100, peer, "us/turn"))
    return Report(machine or HERE, related(rows))


def test_the_same_run_again_has_not_changed() -> None:
    assert compare(run(1.0, 10.0), run(1.0, 10.0), "old.json") == [
        "against old.json:",
        "  nothing has changed beyond what runs differ by",
    ]


def test_a_slower_run_says_what_changed_and_by_how_much() -> None:
    said = "\n".join(compare(run(1.0, 10.0), run(2.0, 10.0), "old.json"))
    assert "window, harness, full, 100: 1 -> 2 us/turn (+100%)" in said
    assert "window, peer, full, 100: 10x -> 5x ours (-50%)" in said
    assert "growth n^+0.00 -> n^+0.30" in said


def test_times_of_another_machine_are_not_compared_and_this_is_said() -> None:
    said = "\n".join(compare(run(1.0, 10.0, {**HERE, "cpu": "B"}), run(2.0, 10.0), "old.json"))
    assert "from another machine (cpu is 'A' here and 'B' there)" in said
    assert "us/turn" not in said
    assert "10x -> 5x ours" in said


def test_what_only_one_of_them_has_is_passed_over() -> None:
    before = Report(HERE, (Row("sim", "harness", None, "full", 1, 2.0, "a second"),))
    assert compare(before, run(1.0, 10.0), "x")[-1].startswith("  nothing has changed")
