"""The subjects of the window group keep the budget that they are measured at."""

from __future__ import annotations

import pytest

from harness.bench.groups.window import FLOOR, cases, filled, speaker, trimmer
from harness.bench.peers.shelf import offering
from harness.bench.plan import OURS, SIZES, WINDOW_TOKENS, WORKLOADS
from harness.bench.talk import turns
from harness.lifecycle.memory.tokens import count_tokens


def test_both_workloads_and_all_sizes_are_measured_of_everybody() -> None:
    ours = cases(peers=False)
    assert {case.subject for case in ours} == {OURS, FLOOR}
    assert len(ours) == 2 * len(WORKLOADS) * len(SIZES)
    everybody = {case.subject for case in cases(peers=True)}
    assert everybody == {OURS, FLOOR, *(peer.name for peer in offering("window"))}


@pytest.mark.parametrize("subject", [OURS, FLOOR])
@pytest.mark.parametrize("bounded", [False, True])
def test_a_window_stays_within_its_budget_and_ends_with_the_newest(
    subject: str, bounded: bool
) -> None:
    window = trimmer(subject, bounded=bounded)
    for user, assistant in turns(200):
        kept = list(window.turn(user, assistant))
        assert kept[-1]["content"] == assistant
        assert sum(count_tokens(each["content"]) for each in kept) <= WINDOW_TOKENS


def test_a_filled_window_has_seen_its_turns() -> None:
    window, seen = filled(OURS, 50, bounded=True)
    assert seen == 50
    speaker(window, 50)(10)
    assert filled(OURS, 50, bounded=False)[1] == 50
