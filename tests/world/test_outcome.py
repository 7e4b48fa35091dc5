"""What a life says becomes an outcome; of a stack the target's own line is told."""

from __future__ import annotations

import pytest

from harness.world.outcome import (
    HANG_LIMIT,
    HANG_LIMIT_S,
    Raised,
    Returned,
    UnknownLimit,
    hang_limit_s,
    import_limit_s,
    innermost,
    outcome_of,
)


def test_what_a_life_says_is_a_value_or_an_exception() -> None:
    assert outcome_of({"value": None}) == Returned(None)
    assert outcome_of({"error": "ValueError: no", "trace": ["a.py:1 x"]}) == Raised(
        "ValueError: no", ["a.py:1 x"]
    )


def test_of_a_stack_as_python_writes_it_the_innermost_line_outside_libraries_is_told() -> None:
    stack = (
        'File "/lib/json.py", line 9 in dump',
        "Thread 0x1:",
        f'File "{__file__}", line 3 in save',
    )
    assert innermost(stack, ("/lib/",)) == "test_outcome.py:3 from __future__ import annotations"
    assert innermost(stack[:2], ("/lib/",)) is None


def test_patience_with_a_silent_life_can_be_asked_for() -> None:
    assert hang_limit_s({}) == HANG_LIMIT_S
    assert hang_limit_s({HANG_LIMIT: "2.5"}) == 2.5


@pytest.mark.parametrize(("told", "limit_s"), [("", 120), ("2.5", 120), ("600", 600)])
def test_an_import_may_take_as_long_as_a_silent_life_and_never_less_than_its_own_limit(
    told: str, limit_s: float
) -> None:
    assert import_limit_s({HANG_LIMIT: told}) == limit_s


@pytest.mark.parametrize("told", ["soon", "0", "-3", "nan", "inf", "1e9"])
def test_a_patience_that_is_none_is_refused(told: str) -> None:
    with pytest.raises(UnknownLimit, match="expected seconds"):
        hang_limit_s({HANG_LIMIT: told})
