"""The library catches deliberate defects of the reference stack, one changed line each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.hunting import Catch, hunt, library
from tests.mutants.planting import CLASS, PACKAGE, STACK, Defect, StaleDefect, defects, plant
from tests.mutants.table import PAGE, page

DEFECTS = {defect.name: defect for defect in defects()}
DEFECTS_MIN = 40
CAUGHT_MIN = 0.95
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
    catch = hunt(defect, stories, tmp_path)
    assert catch is not None
    assert catch.code in defect.codes, catch
    assert Path(catch.story).name in defect.first


@pytest.mark.slow
def test_the_library_catches_at_least_95_percent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stories = library()
    assert hunt(None, stories, tmp_path / "sound") is None, "the sound copy breaks a promise"
    catches: dict[Defect, Catch | None] = {}
    for name, defect in DEFECTS.items():
        catch = catches[defect] = hunt(defect, stories, tmp_path / name)
        with capsys.disabled():
            sys.stdout.write(f"\n  {name}: {catch or 'not caught'}")
    PAGE.write_text(page(catches), encoding="utf-8")
    caught = [defect for defect, catch in catches.items() if catch is not None]
    assert len(caught) >= CAUGHT_MIN * len(catches)
    assert all(defect.escapes for defect, catch in catches.items() if catch is None)
