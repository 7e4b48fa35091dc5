"""Every policy is billed under every condition, and ours costs the share that was promised."""

from __future__ import annotations

from harness.bench.groups.cost import CONDITIONS, POLICIES, billed, cases, told, workload
from harness.bench.plan import OURS


def test_every_policy_is_played_under_every_condition() -> None:
    assert len(CONDITIONS) == 12
    assert len(cases(peers=True)) == len(CONDITIONS) * len(POLICIES)
    assert {policy.name for policy in POLICIES} > {OURS, "drop oldest", "keep all"}
    assert workload("agent", 50_000, 600) == "agent 50k, 10 min apart"


def test_marks_at_50k_cost_a_fraction_of_dropping_the_oldest_in_a_chat() -> None:
    ours, oldest = POLICIES[0], POLICIES[1]
    marks, drops = (billed(policy, "chat 50k, 1 min apart") for policy in (ours, oldest))
    assert marks[0].input_usd / drops[0].input_usd <= 0.25
    assert told(marks).endswith("read from the cache")
    assert f"{marks[0].cuts} cuts" in told(marks)
