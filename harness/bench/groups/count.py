"""Counters against the mock's ruler, and what the usage ledger makes of them.

The ruler is a stand-in: current models publish no tokenizer, and no package was found that holds
true counts recorded from the API under a licence. It was made as far from linear as offline
counters were measured to be off, so the shares here are those measurements again and not news; what
is news is what the ledger does about them, which knows nothing of the ruler.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import pytest

from harness.bench.peers.shelf import Counter, offering, peer_of
from harness.bench.plan import GROUPS, OURS, Case
from harness.bench.rehearsal import Books, Policy, Rehearsal, mixed
from harness.bench.stopwatch import Stopwatch
from harness.bench.talk import kinds
from harness.lifecycle.memory.tokens import count_tokens
from harness.model.meter import count_text

BY_FOUR = "characters / 4"
VOCABULARY = "o200k vocabulary"
UNIT = GROUPS["count"]
SPEED = "us/1000 characters"
MEAN, P95, OVER = "mean % off", "p95 % off", "% over budget"
WINDOWS = (6_000, 50_000)
TURNS = 200
SEEDS = range(4)
PHASES = {1: (0, 1), 30: (1, 30), TURNS: (30, None)}
"""Answers had -> the requests that are looked at."""
STAND_IN = "the ruler is a stand-in: no package with recorded true counts and a licence was found"
_LEDGER = ", with the ledger"
_REHEARSAL = Rehearsal()


def by_four(text: str) -> int:
    """What many libraries take for a token."""
    return (len(text) + 3) // 4


def vocabulary() -> Counter | None:
    """A real vocabulary, where the extra is installed."""
    from harness.lifecycle.vocabulary import vocabulary_counter

    try:
        return vocabulary_counter()
    except ImportError:
        return None


def cases(*, peers: bool) -> list[Case]:
    """Each counter on each kind of text, then each with and without the ledger."""
    own = [OURS, BY_FOUR, VOCABULARY]
    others = [peer.name for peer in offering("count") if peers]
    counters = [
        Case("count", subject, kind, 60_000)
        for kind in ("code", "prose", "cjk", "json")
        for subject in own + others
    ]
    speeds = [Case("count", subject, "speed", 1_000) for subject in own + others]
    ledgers = [
        Case("count", subject + ledger, f"ledger {window // 1000}k", TURNS)
        for window in WINDOWS
        for subject in own
        for ledger in ("", _LEDGER)
    ]
    return counters + speeds + ledgers


def counter_of(subject: str, stopwatch: Stopwatch) -> Counter | str:
    """The subject's counter, or why there is none."""
    subject = subject.removesuffix(_LEDGER)
    if subject in (OURS, BY_FOUR):
        return count_tokens if subject == OURS else by_four
    if subject == VOCABULARY:
        return vocabulary() or "absent: splintr-rs is not installed; the extra `vocab` brings it"
    peer = peer_of(subject)
    assert peer is not None, subject
    stopwatch.version = peer.version
    if peer.version is None:
        return peer.absence
    counter: Counter = peer.load().count
    return counter


def off(counter: Counter, texts: tuple[str, ...]) -> float:
    """How far the sum of a counter's counts is from the truth, in percent; negative is short."""
    return (sum(map(counter, texts)) / sum(map(count_text, texts)) - 1) * 100


def shares(books: list[Books], first: int, last: int | None, window: int) -> dict[str, float]:
    """Of some requests: the mean error, its 95th percentile, and the share over the budget."""
    errors = sorted(abs(error) * 100 for each in books for error in each.errors(first, last))
    told = [tokens for each in books for tokens in each.prompt_tokens[first:last]]
    return {
        MEAN: statistics.mean(errors),
        P95: errors[int(0.95 * (len(errors) - 1))],
        OVER: 100 * sum(tokens > window for tokens in told) / len(told),
    }


@pytest.mark.filterwarnings("ignore")
def test_count(case: Case, stopwatch: Stopwatch) -> None:
    """One counter: on one kind of text, its speed, or in a conversation."""
    counter = counter_of(case.subject, stopwatch)
    measure: Callable[..., None] = _by_kind
    if case.workload == "speed":
        measure = _speed
    elif case.workload.startswith("ledger"):
        measure = _ledger
    measure(counter, case, stopwatch)


def _by_kind(counter: Counter | str, case: Case, stopwatch: Stopwatch) -> None:
    if isinstance(counter, str):
        stopwatch.row(None, UNIT, counter)
        return
    value = stopwatch.once(lambda: off(counter, kinds()[case.workload]))
    stopwatch.row(value, UNIT, STAND_IN if case.subject == OURS else None)


def _speed(counter: Counter | str, case: Case, stopwatch: Stopwatch) -> None:
    if isinstance(counter, str):
        stopwatch.row(None, SPEED, counter)
        return
    texts = kinds()["prose"]
    thousands = sum(map(len, texts)) / 1_000

    def work(times: int) -> Any:
        for _ in range(times):
            for text in texts:
                counter(text)

    stopwatch.turns(lambda: work, SPEED, scale=1e6 / thousands, fresh=False)


def _ledger(counter: Counter | str, case: Case, stopwatch: Stopwatch) -> None:
    if isinstance(counter, str):
        stopwatch.row(None, MEAN, counter)
        return
    window = next(each for each in WINDOWS if case.workload == f"ledger {each // 1000}k")
    policy = Policy(case.subject, learning=case.subject.endswith(_LEDGER))

    def play() -> list[Books]:
        return [
            _REHEARSAL.play(
                mixed(TURNS, window, seed), policy, window_tokens=window, gap_s=60, counter=counter
            )
            for seed in SEEDS
        ]

    books = stopwatch.once(play)
    for answers, (first, last) in PHASES.items():
        for unit, value in shares(books, first, last, window).items():
            stopwatch.row(value, unit, size=answers)
