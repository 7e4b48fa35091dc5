"""Breakpoints: each rule refuses its offence and lets its neighbour pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    "rule", ["too_many_breakpoints", "ttl_order", "breakpoint_shape", "uncacheable_block"]
)
def test_the_offence_is_refused_and_its_nearest_neighbour_is_not(
    rule: str, check_rules: Callable[..., None]
) -> None:
    check_rules(rule)
