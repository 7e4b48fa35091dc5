"""What a conversation is billed: every policy of dropping, in the mock's dollars, losses shown.

200 turns of an agent (with look-ups) and of a chat, in windows of 6k, 50k and 150k tokens, a minute
apart and ten minutes apart, when the cache's five minutes have passed and every turn misses. The
price is that of the input. A policy that remembers less is cheaper, so each row says what it kept.
"""

from __future__ import annotations

from typing import Any, get_args

from harness.bench.plan import GROUPS, OURS, Case
from harness.bench.rehearsal import Books, Kind, Policy, Rehearsal, Said, script
from harness.bench.stopwatch import Stopwatch

TURNS = 200
WINDOWS = (6_000, 50_000, 150_000)
GAPS_S = (60, 600)
SEEDS = (3,)
UNIT = GROUPS["cost"]
DROP_OLDEST = "drop oldest"
POLICIES = (
    Policy(OURS),
    Policy(DROP_OLDEST, low_mark=1.0),
    Policy("drop oldest, no cache", low_mark=1.0, cached=False),
    Policy("down to 75 %", low_mark=0.75),
    Policy("down to 50 %", low_mark=0.5),
    Policy("down to 35 %", low_mark=0.35),
    Policy("down to 60 %, summary", summary=True),
    Policy("keep all", keep_all=True),
)
_REHEARSAL = Rehearsal()
_SCRIPTS: dict[tuple[Any, ...], tuple[Said, ...]] = {}


def workload(kind: Kind, window_tokens: int, gap_s: int) -> str:
    """As the rows name it: `agent 50k, 1 min apart`."""
    return f"{kind} {window_tokens // 1000}k, {gap_s // 60} min apart"


CONDITIONS = {
    workload(kind, window_tokens, gap_s): (kind, window_tokens, gap_s)
    for kind in get_args(Kind)
    for window_tokens in WINDOWS
    for gap_s in GAPS_S
}


def cases(*, peers: bool) -> list[Case]:
    """Every policy under every condition; no peer bills."""
    return [
        Case("cost", policy.name, condition, TURNS)
        for condition in CONDITIONS
        for policy in POLICIES
    ]


def billed(policy: Policy, condition: str) -> list[Books]:
    """The books of a conversation for each seed."""
    kind, window_tokens, gap_s = CONDITIONS[condition]
    books = []
    for seed in SEEDS:
        key = (kind, window_tokens, seed)
        said = _SCRIPTS.setdefault(key, script(kind, TURNS, window_tokens, seed))
        books.append(_REHEARSAL.play(said, policy, window_tokens=window_tokens, gap_s=gap_s))
    return books


def told(books: list[Books]) -> str:
    """What a policy did, beside what it cost."""
    kept = sum(each.kept for each in books) / len(books)
    read = sum(each.read_share for each in books) / len(books)
    cuts = sum(each.cuts for each in books) // len(books)
    return f"{cuts} cuts, {kept:,.0f} tokens a request, {read:.0%} of them read from the cache"


def test_cost(case: Case, stopwatch: Stopwatch) -> None:
    """Play one policy under one condition."""
    (policy,) = [each for each in POLICIES if each.name == case.subject]
    books = stopwatch.once(lambda: billed(policy, case.workload))
    dollars = sum(each.input_usd for each in books) / len(books)
    stopwatch.row(dollars, UNIT, told(books))
