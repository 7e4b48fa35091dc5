"""What remembering costs: the input billed with high and low marks against dropping the oldest.

Both sides are the same stack with the same cache breakpoints, counted in the mock's dollars; the
only difference is how far a cut goes. 200 turns, a model that caches from 1,024 tokens on and reads
at a tenth of the price. Gates are ratios of one run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lifecycle.mock_claude import Talk, agent_lines, chat_lines

TURNS = 200
WINDOW_TOKENS = 50_000
pytestmark = pytest.mark.slow


def _billed(home: Path, lines: list[dict[str, Any]], gap_s: float, **settings: Any) -> float:
    talk = Talk(lines, gap_s=gap_s, tokens_per_second=1_000.0)
    with talk.opened(home, window_tokens=WINDOW_TOKENS, max_tokens=8_000, **settings) as chat:
        talk.say(chat)
    assert all(row.status == 200 for row in talk.rows)
    return talk.input_usd


@pytest.mark.parametrize(
    ("name", "lines", "most"), [("agent", agent_lines, 0.40), ("chat", chat_lines, 0.25)]
)
def test_marks_cost_a_fraction_of_dropping_the_oldest(
    name: str,
    lines: Callable[[int, int], list[dict[str, Any]]],
    most: float,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = lines(TURNS, 3)
    shares = {}
    for gap_s in (60.0, 600.0):
        marks = _billed(tmp_path / f"marks-{gap_s}", script, gap_s)
        oldest = _billed(tmp_path / f"oldest-{gap_s}", script, gap_s, low_mark=1.0)
        shares[gap_s] = marks / oldest
        with capsys.disabled():
            print(  # noqa: T201 - a benchmark prints both sides
                f"\n  {name}, 50k, {gap_s:.0f} s gaps: drop-oldest ${oldest:.3f}, marks "
                f"${marks:.3f}, {shares[gap_s]:.2f}x"
            )
    assert shares[60.0] <= most
    assert shares[600.0] < 1.0
