"""What a life says becomes an outcome; of a stack the target's own line is told."""

from __future__ import annotations

from pathlib import Path

from harness.world import outcome
from harness.world.outcome import Raised, Returned, innermost, outcome_of


def test_what_a_life_says_is_a_value_or_an_exception() -> None:
    assert outcome_of({"value": None}) == Returned(None)
    assert outcome_of({"error": "ValueError: no", "trace": ["a.py:1 x"]}) == Raised(
        "ValueError: no", ["a.py:1 x"]
    )


def test_the_innermost_line_outside_libraries_is_told() -> None:
    stack = ('File "/lib/json.py", line 9 in dump', f'File "{__file__}", line 3 in save')
    assert innermost(stack, ("/lib/",)) == "test_outcome.py:3 from __future__ import annotations"
    assert innermost(stack[:1], ("/lib/",)) is None


def test_a_shipped_targets_line_is_told_wherever_the_package_is_installed() -> None:
    package = Path(outcome.__file__).parents[1]
    stack = (f'File "{package}/targets/naive.py", line 8 in send',)
    line = innermost(stack, (str(package.parent),))
    assert line == "naive.py:8 from __future__ import annotations"
