"""The plan of the benchmarks: groups by name, and their rooms."""

from __future__ import annotations

import pytest

from harness.bench.plan import GROUPS, Case, UnknownGroup, chosen, room_of


def test_groups_come_in_their_own_order_and_none_named_means_all() -> None:
    assert chosen(["append", "window"]) == ["window", "append"]
    assert chosen([]) == list(GROUPS)


def test_an_unknown_group_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownGroup, match="unknown group 'trim': expected one of window,"):
        chosen(["window", "trim"])


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_has_a_room(group: str) -> None:
    assert room_of(group).is_file()


def test_a_case_is_named_so_that_a_shell_takes_it() -> None:
    assert str(Case("window", "OpenAI Agents", "full", 100)) == "OpenAI_Agents-full-100"
