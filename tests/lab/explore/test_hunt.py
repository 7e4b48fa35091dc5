"""The hunt keeps the shortest story of each broken promise, and finds the same ones twice."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from harness.lab.explore.explore import REFERENCE, explore, player
from harness.lab.explore.hunt import Found, Hunt, Hunter
from harness.lab.explore.invent import invented
from harness.lab.play import TargetError, play, replay
from harness.scenario.load import find, load

MINUTE_NS = 60_000_000_000
SEED, CASES = 0, 3
QUIET_CASES = 12
TEN = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explored")


@pytest.fixture(scope="module")
def naive(folder: Path) -> Hunt:
    return _hunt("naive", folder)


def _hunt(target: str, folder: Path, cases: int = CASES) -> Hunt:
    return explore(
        target=target, seed=SEED, budget_ns=5 * MINUTE_NS, cases_max=cases, folder=folder
    )


def _needed(one: Found) -> int:
    """S3 is about what is said after a recovery: a crash to recover from, and one more."""
    return 2 if one.code == "S3" else 1


def test_the_naive_stack_is_caught_by_short_stories(naive: Hunt) -> None:
    assert naive.cases == CASES
    assert len({one.code for one in naive.found}) == len(naive.found) >= 2
    for one in naive.found:
        assert one.turns <= 3
        assert one.faults <= _needed(one)


def test_each_file_passes_on_the_reference_stack_and_fails_on_the_culprit(
    naive: Hunt, folder: Path
) -> None:
    files = [load(path) for path in find([folder])]
    assert len(files) == len(naive.found)
    assert play(files).exit_code == 0
    for one, result in zip(
        naive.found, play([load(one.path) for one in naive.found], target="naive").results,
        strict=True,
    ):  # fmt: skip
        assert one.code in {finding.code for finding in result.verdict.findings}


def test_each_token_replays_from_its_file(naive: Hunt) -> None:
    for one in naive.found:
        result = replay(one.token, [load(one.path)])
        assert one.message in {finding.message for finding in result.verdict.findings}


def test_one_seed_finds_the_same_twice(naive: Hunt, tmp_path: Path) -> None:
    again = _hunt("naive", tmp_path)
    assert again.fingerprints == naive.fingerprints
    assert [(one.code, one.token) for one in again.found] == [
        (one.code, one.token) for one in naive.found
    ]


def test_the_first_case_that_counts_is_the_same_whatever_is_done_about_it(
    naive: Hunt, tmp_path: Path
) -> None:
    hunter = Hunter(
        target="naive",
        play=player("naive"),
        reference=player(REFERENCE),
        folder=tmp_path,
        over=lambda: False,
    )
    first = min(one.case for one in naive.found)
    met = hunter.first(SEED)
    assert met is not None
    assert (met[0], met[1]) in {(one.case, one.code) for one in naive.found}
    assert met[0] == first
    assert hunter.first(SEED, cases_max=0) is None
    assert list(tmp_path.iterdir()) == []


def test_a_smaller_budget_tries_the_same_cases_in_the_same_order(
    naive: Hunt, tmp_path: Path
) -> None:
    less = _hunt("lifecycle", tmp_path, CASES // 2)
    assert less.fingerprints == naive.fingerprints[: CASES // 2]


def test_what_was_found_before_is_tried_first(naive: Hunt, folder: Path) -> None:
    again = _hunt("naive", folder, cases=0)
    assert again.cases == 0
    assert {one.code for one in again.found} == {one.code for one in naive.found}
    assert all(one.case == 0 for one in again.found)
    mended = _hunt("lifecycle", folder, cases=0)
    assert mended.found == ()
    assert len(mended.kept) == len(naive.found)


def test_the_reference_stack_keeps_its_promises_in_invented_cases(tmp_path: Path) -> None:
    assert _hunt("lifecycle", tmp_path, QUIET_CASES).found == ()


def test_a_budget_of_time_ends_it(tmp_path: Path) -> None:
    hunt = explore(target="lifecycle", seed=3, budget_ns=1, folder=tmp_path)
    assert hunt.cases == 0


def test_a_target_that_is_none_is_said_before_anything_is_played(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="nobody"):
        explore(target="nobody", budget_ns=1, folder=tmp_path)


def test_inventing_never_ends() -> None:
    assert len(list(itertools.islice(invented(0), 120))) == 120


@pytest.mark.slow
def test_ten_seeded_findings_are_short_fair_and_still_there(tmp_path: Path) -> None:
    found: list[Found] = []
    for seed in itertools.count(1):
        found += explore(
            target="naive",
            seed=seed,
            budget_ns=10 * MINUTE_NS,
            cases_max=80,
            folder=tmp_path / str(seed),
        ).found
        if len(found) >= TEN:
            break
    for one in found:
        print(f"{one.code}  {one.turns} turns, {one.faults} faults  {one.path.name}")  # noqa: T201
    assert all(one.turns <= 3 and one.faults <= _needed(one) for one in found)
    assert sum(one.faults <= 1 for one in found) >= TEN
    files = [load(one.path) for one in found]
    assert play(files).exit_code == 0
    for one, result in zip(found, play(files, target="naive").results, strict=True):
        assert one.code in {finding.code for finding in result.verdict.findings}
