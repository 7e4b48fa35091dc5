"""Breaks S5: two processes write into one log, and neither looks for the other."""

from __future__ import annotations

from tests.broken.honest import Honest


class Broken(Honest):
    """The target: the honest stack, which has no lock."""

    name = "s5_lets_two_in"
