"""Rules of the house: captions, sizes, names, mirrored tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = sorted((ROOT / "harness").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LINES_MAX = 400
FUNCTION_LINES_MAX = 70
ROOMS_PER_FOLDER_MAX = 9
FOLDERS_DEEP_MAX = 2
FORBIDDEN_NAMES = {"utils", "core", "models", "common", "helpers", "manager"}
UNMIRRORED = {
    "harness/__main__.py": "one line: calls cli",
    "harness/py.typed": "no code",
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("room", ROOMS + TESTS, ids=_name)
def test_room_opens_with_a_caption_and_stays_small(room: Path) -> None:
    text = room.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{_name(room)} has no caption"
    assert text.count("\n") <= LINES_MAX, f"{_name(room)} is over {LINES_MAX} lines: split it"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{_name(room)}: {node.name} has {length} lines"


@pytest.mark.parametrize("room", ROOMS, ids=_name)
def test_room_has_a_telling_name_and_a_mirrored_test(room: Path) -> None:
    relative = room.relative_to(ROOT / "harness")
    assert room.stem not in FORBIDDEN_NAMES
    assert len(relative.parts) - 1 <= FOLDERS_DEEP_MAX, f"{_name(room)} lies too deep"
    if room.name == "__init__.py" or _name(room) in UNMIRRORED:
        return
    mirror = ROOT / "tests" / relative.parent / f"test_{room.name}"
    assert mirror.exists(), f"{_name(room)} has no {_name(mirror)}"


def test_no_folder_has_more_than_nine_rooms() -> None:
    for folder in {room.parent for room in ROOMS}:
        if folder == ROOT / "harness":
            continue
        rooms = [room for room in folder.glob("*.py") if room.name != "__init__.py"]
        assert len(rooms) <= ROOMS_PER_FOLDER_MAX, f"{_name(folder)} has {len(rooms)} rooms"


@pytest.mark.parametrize(
    "test", [test for test in TESTS if test.name.startswith("test_")], ids=_name
)
def test_every_test_asserts_something(test: Path) -> None:
    tree = ast.parse(test.read_text(encoding="utf-8"))
    words = ("assert", "raises", "check", "expect", "benchmark", "warns")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test_"
        ):
            body = ast.dump(node).lower()
            assert any(word in body for word in words), (
                f"{_name(test)}: {node.name} asserts nothing"
            )


def test_no_skips_without_a_reason() -> None:
    for test in TESTS:
        for node in ast.walk(ast.parse(test.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in ("skip", "skipif", "xfail"):
                reasons = [keyword for keyword in node.keywords if keyword.arg == "reason"]
                assert reasons or node.args, f"{_name(test)}:{node.lineno} skips without reason"
