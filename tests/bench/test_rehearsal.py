"""A conversation without a network: what it is billed, and what its window believed."""

from __future__ import annotations

import pytest

from harness.bench.rehearsal import Policy, Rehearsal, mixed, script

OURS, OLDEST = Policy("ours"), Policy("oldest", low_mark=1.0)


def test_a_script_is_the_same_in_every_run_and_an_agent_looks_things_up() -> None:
    agent = script("agent", 30, 50_000)
    assert agent == script("agent", 30, 50_000)
    assert any(step.result for turn in agent for step in turn.steps)
    assert all(turn.steps[-1].result is None for turn in agent)
    assert all(len(turn.steps) == 1 for turn in script("chat", 30, 50_000))
    assert len(mixed(10, 6_000, 1)) == 10


def test_high_and_low_marks_are_billed_less_than_dropping_the_oldest() -> None:
    said = script("chat", 60, 6_000)
    play = Rehearsal().play
    marks = play(said, OURS, window_tokens=6_000, gap_s=60)
    oldest = play(said, OLDEST, window_tokens=6_000, gap_s=60)
    assert marks.input_usd < 0.6 * oldest.input_usd
    assert marks.cuts < oldest.cuts
    assert marks.kept < oldest.kept


def test_without_the_cache_everything_is_read_at_full_price() -> None:
    said = script("chat", 20, 6_000)
    books = Rehearsal().play(
        said, Policy("x", low_mark=1.0, cached=False), window_tokens=6_000, gap_s=60
    )
    assert books.read == 0
    assert books.input_usd == pytest.approx(sum(books.prompt_tokens) * 5 / 1e6)


def test_ten_minutes_apart_the_cache_has_expired_at_every_turn() -> None:
    said = script("chat", 20, 50_000)
    near = Rehearsal().play(said, OURS, window_tokens=50_000, gap_s=60)
    far = Rehearsal().play(said, OURS, window_tokens=50_000, gap_s=600)
    assert far.read == 0
    assert near.read > 0
    assert far.input_usd > near.input_usd


def test_a_summary_is_paid_for() -> None:
    said = script("chat", 60, 6_000)
    play = Rehearsal().play
    plain = play(said, OURS, window_tokens=6_000, gap_s=60)
    folded = play(said, Policy("s", summary=True), window_tokens=6_000, gap_s=60)
    assert folded.input_usd > plain.input_usd


def test_keeping_all_never_cuts_and_grows() -> None:
    said = script("chat", 40, 6_000)
    books = Rehearsal().play(said, Policy("all", keep_all=True), window_tokens=6_000, gap_s=60)
    assert books.cuts == 0
    assert books.prompt_tokens == sorted(books.prompt_tokens)
    assert books.prompt_tokens[-1] > 6_000


def test_the_ledger_learns_what_the_counter_does_not_know() -> None:
    said = mixed(80, 6_000, 1)
    short = {"counter": lambda text: len(text) // 4, "window_tokens": 6_000, "gap_s": 60.0}
    raw = Rehearsal().play(said, Policy("raw", learning=False), **short)  # type: ignore[arg-type]
    taught = Rehearsal().play(said, OURS, **short)  # type: ignore[arg-type]
    assert max(raw.prompt_tokens[30:]) > 6_000
    assert max(taught.prompt_tokens) <= 6_000
    assert sum(map(abs, taught.errors(30))) < 0.2 * sum(map(abs, raw.errors(30)))
