"""The library catches deliberate defects of the reference stack, one changed line each."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from harness.lab.explore.explore import explore as explore_whole
from tests.mutants.hunting import CASES_MAX, SEED, both, explore, hunt, library, stem
from tests.mutants.planting import CLASS, PACKAGE, STACK, Defect, StaleDefect, defects, plant
from tests.mutants.table import PAGE, Figures, page

DEFECTS = {defect.name: defect for defect in defects()}
DEFECTS_MIN = 40
CAUGHT_MIN = 0.95
EXPLORED_MIN = 0.7
BUDGET_NS = 120_000_000_000
AGAIN = 3
"""So many are explored once more as the command does it: those that took the most cases."""
SAMPLE = (
    "no_directory_sync",
    "no_intent_journal",
    "one_result_for_all_calls",
    "pins_are_forgotten",
    "message_ids_reused",
)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_one_line_of_the_stack_as_it_is(name: str) -> None:
    defect = DEFECTS[name]
    source = (STACK / defect.file).read_text(encoding="utf-8")
    mutated = defect.applied_to(source)
    pairs = zip(source.splitlines(), mutated.splitlines(), strict=True)
    assert sum(old != new for old, new in pairs) == 1
    compile(mutated, defect.file, "exec")


def test_there_are_enough_of_them_and_each_is_on_the_page_of_figures() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(DEFECTS) >= DEFECTS_MIN
    assert all(name in text for name in DEFECTS), "run pytest -m slow tests/mutants"


def test_a_line_that_is_no_longer_there_is_said_aloud(tmp_path: Path) -> None:
    gone = Defect("gone", "errors.py", "was here once", "is here now", "", ())
    with pytest.raises(StaleDefect, match="found it 0 times"):
        plant(gone, tmp_path)
    with pytest.raises(StaleDefect, match="no harness/lifecycle/nowhere"):
        plant(Defect("gone", "nowhere.py", "a", "b", "", ()), tmp_path)
    with pytest.raises(StaleDefect, match="one changed line, got 2"):
        Defect("two", "errors.py", "a\nb", "c\nd", "", ()).applied_to("a\nb\n")


def test_the_copy_is_what_runs_and_the_sound_stack_is_not_even_imported(tmp_path: Path) -> None:
    assert plant(DEFECTS["lock_forgotten"], tmp_path) == f"{tmp_path}/lock_forgotten.py:{CLASS}"
    told = (
        "import sys, lock_forgotten\n"
        "assert not [name for name in sys.modules if name.startswith('harness.lifecycle')]\n"
        f"from {PACKAGE}.sessions import lock\n"
        "print(lock.__file__, lock_forgotten.Conversation.__module__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    place = tmp_path / PACKAGE / "sessions" / "lock.py"
    assert done.stdout.split() == [str(place), f"{PACKAGE}.conversation"]
    assert "LOCK_EX | fcntl.LOCK_NB" not in place.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_is_caught_by_the_story_that_should(name: str, tmp_path: Path) -> None:
    defect = DEFECTS[name]
    stories = [each for each in library() if Path(each.path).name.split(".")[0] in defect.first]
    target = plant(defect, tmp_path)
    catch = hunt(defect, stories, target)
    assert catch is not None
    assert catch.code in defect.codes, catch
    assert Path(catch.story).name in defect.first


def test_an_invented_case_shows_one_that_nobody_told_it_of(tmp_path: Path) -> None:
    target = plant(DEFECTS["message_id_not_known_again"], tmp_path)
    met = explore(target, tmp_path)
    assert met is not None
    assert 1 <= met.case <= CASES_MAX


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """Every defect, hunted with the library and explored; the page is written anew."""
    folder = tmp_path_factory.mktemp("mutants")
    stories = library()
    sound = plant(None, folder / "sound")
    assert hunt(None, stories, sound) is None, "the sound copy breaks a promise"
    folders = [folder / name for name in DEFECTS]
    # In each, a runner and a life take turns, so there may be two a core.
    workers = 2 * (os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, get_context("spawn")) as crew:
        known = dict(zip(DEFECTS.values(), crew.map(both, DEFECTS.values(), folders), strict=True))
    PAGE.write_text(page(known), encoding="utf-8")
    return known


@pytest.mark.slow
def test_the_library_catches_at_least_95_percent(figures: Figures) -> None:
    missed = [defect for defect, (catch, _) in figures.items() if catch is None]
    assert len(missed) <= (1 - CAUGHT_MIN) * len(figures)
    assert all(defect.escapes for defect in missed)
    for defect, (catch, _) in figures.items():
        assert catch is None or Path(catch.story).name == defect.first[0], catch


@pytest.mark.slow
def test_every_story_that_a_defect_names_catches_it(tmp_path: Path) -> None:
    stories = {stem(story): story for story in library()}
    for name, defect in DEFECTS.items():
        if len(defect.first) > 1:
            target = plant(defect, tmp_path / name)
            for story in defect.first[1:]:
                assert hunt(defect, [stories[story]], target, ordered=False) is not None, story


@pytest.mark.slow
def test_exploring_finds_at_least_seven_in_ten_of_them(figures: Figures) -> None:
    assert sum(met is not None for _, met in figures.values()) >= EXPLORED_MIN * len(figures)


@pytest.mark.slow
def test_exploring_for_120_s_finds_them_in_the_same_case(figures: Figures, tmp_path: Path) -> None:
    cases = {defect: met.case for defect, (_, met) in figures.items() if met is not None}
    for defect in sorted(cases, key=lambda each: (-cases[each], each.name))[:AGAIN]:
        target = plant(defect, tmp_path / defect.name)
        came = explore_whole(
            target=target,
            seed=SEED,
            budget_ns=BUDGET_NS,
            cases_max=cases[defect],
            folder=tmp_path / f"found-{defect.name}",
        )
        assert {one.case for one in came.found} == {cases[defect]}
