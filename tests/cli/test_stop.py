"""How a command ends early."""

from __future__ import annotations

from harness.cli.stop import INTERRUPTED, INVALID, NOTHING, USAGE, Stop


def test_exit_codes_are_pytest_s() -> None:
    assert (INTERRUPTED, INVALID, USAGE, NOTHING) == (2, 3, 4, 5)


def test_a_stop_carries_what_to_say_and_the_code() -> None:
    stop = Stop(USAGE, "expected a path, got none")
    assert (str(stop), stop.code) == ("expected a path, got none", 4)
