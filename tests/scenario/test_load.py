"""Finding scenarios, and loading them with every complaint in its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.scenario.document import parse
from harness.scenario.load import NothingToRun, ScenarioError, find, headline, load, scenario_of
from harness.scenario.schema import Scenario

GOOD = "name: a crash\nabout: what it proves\nscript:\n  - user: hi\n    reply: {text: Hello.}\n"


def test_a_good_file_becomes_its_scenario(tmp_path: Path) -> None:
    path = tmp_path / "good.scenario.yaml"
    path.write_text(GOOD)
    loaded = load(path)
    assert loaded.path == str(path)
    assert loaded.scenario.name == "a crash"
    assert Scenario.model_validate(loaded.scenario.dump()) == loaded.scenario


def test_find_walks_folders_takes_files_and_sorts(tmp_path: Path) -> None:
    for name in (
        "b/two.scenario.yaml",
        "a/one.scenario.yaml",
        "a/other.yaml",
        ".x/h.scenario.yaml",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD)
    named = tmp_path / "a/other.yaml"
    found = find([tmp_path / "b", tmp_path, named])
    assert [path.name for path in found] == ["one.scenario.yaml", "other.yaml", "two.scenario.yaml"]


def test_an_empty_folder_is_nothing_to_run_and_a_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NothingToRun, match="expected at least one"):
        find([tmp_path])
    with pytest.raises(ScenarioError, match="got nothing of that name") as caught:
        find([tmp_path / "none"])
    assert not isinstance(caught.value, NothingToRun)


def test_a_headline_reads_name_and_about_and_checks_no_more(tmp_path: Path) -> None:
    path = tmp_path / "odd.scenario.yaml"
    path.write_text("name: x\nabout: y\nscript: nonsense\n")
    assert (headline(path).name, headline(path).about) == ("x", "y")
    path.write_text("[1]")
    assert (headline(path).name, headline(path).about) == ("", "")


def test_finding_and_headlines_do_not_import_pydantic(tmp_path: Path) -> None:
    (tmp_path / "a.scenario.yaml").write_text(GOOD)
    code = (
        "import sys, pathlib; from harness.scenario.load import find, headline;"
        f"[headline(p) for p in find([pathlib.Path({str(tmp_path)!r})])];"
        "sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_everything_wrong_is_said_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.scenario.yaml"
    path.write_text("name: 5\nscript:\n  - user: hi\n    replay: x\nfaults:\n  - crsh: {}\n")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert str(caught.value).split("\n") == [
        f"{path}:1:7: expected text, got 5; quote it if it is text: '5'",
        f"{path}:4:5: expected a known key, got `replay`; did you mean `reply`?",
        f"{path}:6:5: expected a known key, got `crsh`; did you mean `crash`?",
    ]


def test_many_complaints_are_cut_short_with_their_count() -> None:
    text = "name: x\nscript:\n" + "  - user: 5\n" * 14
    with pytest.raises(ScenarioError, match=r"and 4 more$"):
        scenario_of(parse(text, "a.yaml"))


def outcome(text: str) -> list[str]:
    try:
        scenario = scenario_of(parse(text, "a.yaml"))
    except ScenarioError as error:
        return str(error).split("\n")
    assert isinstance(scenario, Scenario)
    return ["read"]


KEYS = [*Scenario.model_fields, "user", "reply", "wait", "repeat", "every", "words", "text", "tool"]
KEYS += ["crash", "turn", "at", "http", "status", "resume", "after_crash", "max", "locale", "disk"]
VALUES = st.recursive(
    st.sampled_from(
        [None, True, -1, 0, 3, 1.5, "hi", "5h", "reply.received", "de_DE", "xx", "529"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
LINES = st.lists(st.fixed_dictionaries({"user": VALUES}, optional={"reply": VALUES}), max_size=3)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {"name": st.just("x") | VALUES, "script": LINES | VALUES},
        optional={"faults": VALUES, "tools": VALUES, "expect": VALUES, "stack": VALUES},
    )
)
def test_any_yaml_is_a_scenario_or_a_scenario_error(value: object) -> None:
    """Law: the loader never lets another exception out."""
    assert all(line.startswith(("read", "a.yaml:")) for line in outcome(yaml.safe_dump(value)))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_scenario_or_a_scenario_error(raw: bytes) -> None:
    """Law: as above, for a file of anything."""
    lines = outcome(raw.decode("utf-8", "ignore"))
    assert all(line.startswith(("read", "a.yaml:")) for line in lines)
