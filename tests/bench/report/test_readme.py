"""The README's figures are those of the stored run, to the letter."""

from __future__ import annotations

import pytest

from harness.bench.goals import GOALS
from harness.bench.report.readme import BEGIN, END, README, STORED, between_marks, markdown
from harness.bench.report.tell import Table
from harness.bench.row import Report, loads


@pytest.fixture(scope="module")
def stored() -> Report:
    return loads(STORED.read_text(encoding="utf-8"), str(STORED))


def test_the_readme_is_not_stale(stored: Report) -> None:
    text = README.read_text(encoding="utf-8")
    assert text == between_marks(text, stored), "run `python -m harness.bench.report.readme`"


def test_the_stored_run_has_every_target_and_five_peers(stored: Report) -> None:
    assert [target.name for target in stored.targets] == [goal.name for goal in GOALS]
    assert all(target.note for target in stored.targets if not target.kept)
    peers = {row.subject for row in stored.rows if row.group == "window" and row.version}
    assert len(peers) >= 5


def test_marks_that_are_missing_are_told(stored: Report) -> None:
    with pytest.raises(ValueError, match="expected the marks"):
        between_marks(f"{BEGIN} and no end", stored)
    assert between_marks(f"a{BEGIN}old{END}b", stored).startswith(f"a{BEGIN}\nMeasured on")


def test_a_table_in_markdown_has_its_title_in_the_corner() -> None:
    table = Table("t", ("", "100"), (("a|b", "1"),), ("why",))
    assert markdown(table) == "| t | 100 |\n| --- | ---: |\n| a/b | 1 |\n\n- why"
