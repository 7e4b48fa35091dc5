"""Which scenarios a command means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.choose import fits, found, select, sound
from harness.cli.stop import Stop

GOOD = "name: x\nscript: [{user: hi}]\n"


@pytest.mark.parametrize(
    ("expression", "fit"),
    [
        ("", True),
        ("crash", True),
        ("CRASH", True),
        ("disk", False),
        ("crash and not disk", True),
        ("disk or resume/", True),
        ("not (crash or disk)", False),
        ("not crash and disk or turn_12", True),
        ("(crash)", True),
    ],
)
def test_expressions_choose_by_parts_of_the_story(expression: str, fit: bool) -> None:
    assert fits(expression, "resume/Crash_on_turn_12") is fit


@pytest.mark.parametrize(
    "expression", ["and", "a and", "(a", "a)", "a b", "not", "()", "or a", "(" * 9999]
)
def test_a_broken_expression_says_what_was_expected(expression: str) -> None:
    with pytest.raises(ValueError, match=r"expected .*, got .*write it like 'crash and not disk'"):
        fits(expression, "crash")


WORDS = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    WORDS,
    lambda inner: (
        st.tuples(st.just("not"), inner) | st.tuples(inner, st.sampled_from(["and", "or"]), inner)
    ),
)


def written(tree: Any) -> str:
    return tree if isinstance(tree, str) else f"({' '.join(map(written, tree))})"


def meant(tree: Any, story: str) -> bool:
    if isinstance(tree, str):
        return tree in story
    if len(tree) == 2:
        return not meant(tree[1], story)
    left, word, right = tree
    sides = (meant(left, story), meant(right, story))
    return all(sides) if word == "and" else any(sides)


@given(tree=TREES, story=st.sets(WORDS).map("".join))
def test_bracketed_expressions_mean_what_they_say(tree: Any, story: str) -> None:
    """Law: brackets, and, or, not as in logic, each word read as "is in the story"."""
    assert fits(written(tree), story) is meant(tree, story)


def test_without_paths_the_folder_scenarios_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Stop, match="expected a folder `scenarios` here") as caught:
        found([])
    assert caught.value.code == 5
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios/a.scenario.yaml").write_text(GOOD)
    assert found([]) == [Path("scenarios/a.scenario.yaml")]


def test_every_unsound_file_is_named_beside_the_sound_ones(tmp_path: Path) -> None:
    for name, text in (("a", GOOD), ("b", "name: 5"), ("c", "[")):
        (tmp_path / f"{name}.scenario.yaml").write_text(text)
    good, bad = sound(found([tmp_path]))
    assert [Path(one.path).name for one in good] == ["a.scenario.yaml"]
    assert ["b.scenario.yaml:1:7" in bad[0], "c.scenario.yaml:" in bad[1]] == [True, True]


def test_an_expression_that_fits_nothing_is_nothing_to_run(tmp_path: Path) -> None:
    path = tmp_path / "a.scenario.yaml"
    path.write_text(GOOD)
    good, _ = sound([path])
    assert select(good, None) == good
    with pytest.raises(Stop, match="fits none of 1 scenarios") as caught:
        select(good, "zzz")
    assert caught.value.code == 5
    with pytest.raises(Stop, match="expected a part of a name") as caught:
        select(good, "not")
    assert caught.value.code == 4
