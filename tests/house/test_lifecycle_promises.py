"""Each promise of the lifecycle stack names tests, and they exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "lifecycle.md").read_text(encoding="utf-8")
PARTS = [line.split(" | ") for line in TEXT.splitlines() if "::" in line]
PARTS_MIN = 20
CITED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", TEXT)))
FILES = sorted(set(re.findall(r"`(tests/[\w/]+\.py)`", TEXT)))


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("file", "name"), CITED, ids=lambda each: each)
def test_the_test_that_shows_a_promise_exists(file: str, name: str) -> None:
    assert name in names_in(ROOT / "tests" / "lifecycle" / file)


def test_every_part_names_a_test_and_every_benchmark_is_there() -> None:
    assert len(PARTS) >= PARTS_MIN
    assert all(re.search(r"\.py::test_", cells[-1]) for cells in PARTS)
    assert FILES
    assert all((ROOT / file).exists() for file in FILES)
