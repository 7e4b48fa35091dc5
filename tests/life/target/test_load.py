"""Finding the target: by module, by file, and a sentence for everything that goes wrong."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from harness.life.target.load import CannotImport, is_store, load_target
from tests.conftest import ODD


def _file(path: Path, name: str) -> dict[str, Any]:
    return {"module": None, "file": str(path), "class": name}


def test_a_class_in_a_file_is_made_and_its_file_is_known() -> None:
    found = load_target(_file(ODD, "Echo"))
    assert found.target.name == "echo"
    assert found.home_file == str(ODD)
    assert not is_store(found.target)


def test_a_store_is_told_from_a_stack_by_its_methods(tmp_path: Path) -> None:
    path = tmp_path / "keeps.py"
    path.write_text("class Keeps:\n    def open_store(self, home, session_id): ...\n")
    assert is_store(load_target(_file(path, "Keeps")).target)


@pytest.mark.parametrize(
    ("target", "message", "missing"),
    [
        (
            {"module": "harness.nowhere", "file": None, "class": "X"},
            "No module named",
            "harness.nowhere",
        ),
        (
            {"module": "harness.record", "file": None, "class": "X"},
            "record has no class 'X'; there are Event, Header",
            None,
        ),
        ({"module": "harness.record", "file": None, "class": "Record"}, "missing 1 required", None),
        (_file(Path("/dev/null"), "X"), "is no Python file", None),
        (_file(ODD, "NoTarget"), r"NoTarget has no open\(.*\), and no open_store\(", None),
    ],
)
def test_a_target_that_cannot_be_had_says_why(
    target: dict[str, Any], message: str, missing: str | None
) -> None:
    with pytest.raises(CannotImport, match=message) as raised:
        load_target(target)
    assert raised.value.missing == ((missing,) if missing else ())


def test_an_import_that_exits_is_a_sentence_too(tmp_path: Path) -> None:
    path = tmp_path / "leaves.py"
    path.write_text("raise SystemExit(3)\n")
    with pytest.raises(CannotImport, match="SystemExit: 3"):
        load_target(_file(path, "X"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import os\nimport no_such\n",
            "No module named 'no_such'; raised at t.py:2 import no_such",
        ),
        ("class X:\n    def (\n", r"SyntaxError: .*; raised at t.py:2 def \("),
        ("raise RuntimeError\n", "^RuntimeError; raised at t.py:1 raise"),
        ("class X:\n    def __init__(self): {}['key']\n", "KeyError: 'key'; raised at t.py:2 def"),
        ("import json\nA = json.loads('{')\n", r"JSONDecodeError: .*; raised at t.py:2 A = json"),
        ("A = 1\n", "t has no class 'X'; it defines no class"),
    ],
)
def test_what_raised_at_import_is_told_with_the_files_own_line(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.py"
    path.write_text(text)
    with pytest.raises(CannotImport, match=message):
        load_target(_file(path, "X"))


@pytest.mark.parametrize(
    ("opening", "told"),
    [
        (
            "def open(self, home, session_id): ...",
            "t.py: X.open takes home, session_id, and is called as "
            "open(home, session_id, settings, tools); write it "
            "`def open(self, home, session_id, settings, tools)`, as in harness.protocol",
        ),
        (
            "def open(self, a, b, c, d, e): ...",
            "X.open takes a, b, c, d, e, and is called as open(",
        ),
        ("def open(self, a, b, c, d, *, e): ...", "X.open takes a, b, c, d, e, and is called as "),
        ("async def open(self): ...", "t.py: X.open takes nothing, and is called as open("),
        (
            "def open(home, session_id, settings, tools): ...",
            "X.open takes session_id, settings, t",
        ),
        ("open = 'sesame'", "t.py: X.open is expected to be a method, got a str; write it `def "),
        (
            "def open_store(self, home): ...",
            "t.py: X.open_store takes home, and is called as open_store(home, session_id); write "
            "it `def open_store(self, home, session_id)`, as in harness.protocol",
        ),
    ],
)
def test_an_opening_that_cannot_be_called_is_a_wrong_target_and_says_both_sides(
    opening: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.py"
    path.write_text(f"class X:\n    {opening}\n")
    with pytest.raises(CannotImport) as raised:
        load_target(_file(path, "X"))
    assert told in str(raised.value)


@pytest.mark.parametrize(
    "opening",
    [
        "def open(self, home, session_id, settings, tools): ...",
        "async def open(self, where, who, how, what, *, more=1): ...",
        "def open(self, home, *rest): ...",
        "def open(self, **everything): ...",
        "open = staticmethod(lambda home, session_id, settings, tools: None)",
        "open = dict",  # a type of the interpreter's own: its signature is hidden
        "@given_more\n    def open(self, home, session_id, settings, tools, more): ...",
        "def open_store(self, home, session_id, size=3): ...",
    ],
)
def test_an_opening_that_may_be_callable_is_believed(opening: str, tmp_path: Path) -> None:
    decorator = """
        import functools
        def given_more(method):
            @functools.wraps(method)
            def wrapped(*args):
                return method(*args, "more")
            return wrapped
    """
    path = tmp_path / "t.py"
    path.write_text(f"{textwrap.dedent(decorator)}\nclass X:\n    {opening}\n")
    assert load_target(_file(path, "X")).home_file == str(path)
