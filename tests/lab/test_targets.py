"""Targets by name: shipped ones and classes in files; anything else gets a helpful sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.lab.targets import TargetError, find_target, remedy, shipped_targets
from tests.conftest import ODD


def test_shipped_targets_are_listed_without_importing_them() -> None:
    assert {"lifecycle", "naive"} <= set(shipped_targets())
    assert "harness.targets.naive" not in sys.modules


def test_a_shipped_name_is_its_module_and_its_class() -> None:
    ref = find_target("naive")
    assert ref.order() == {"module": "harness.targets.naive", "file": None, "class": "Naive"}


def test_a_class_in_a_file_is_named_by_file_and_class_wherever_it_lies() -> None:
    ref = find_target(f"{ODD}:Echo")
    assert ref.name == "odd.py:Echo"
    assert Path(ref.file or "").is_absolute()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody", r"expected path/to/file.py:Class or one of .*naive"),
        ("nowhere.py:Class", "there is no file nowhere.py"),
        (f"{ODD}:no class", "expected the name of a class"),
        ("odd.py", "expected path/to/file.py:Class"),
    ],
)
def test_anything_else_is_refused_with_what_there_is(name: str, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        find_target(name)


def test_what_a_published_target_lacks_is_its_extra_here_and_its_pins_elsewhere() -> None:
    here = find_target("langchain_file")
    assert here.order()["class"] == "LangchainFile"
    assert remedy(here, ["langchain_community"]) == "uv sync --extra langchain_file"
    there = find_target("langchain_file", sys.executable)
    told = f"{sys.executable} -m pip install langchain-community==0.4.2"
    assert remedy(there, ["langchain_community"]) == told
    assert there.option == f"langchain_file --python {sys.executable}"


def test_a_stack_elsewhere_is_told_all_that_asking_the_model_needs() -> None:
    told = remedy(find_target("naive", sys.executable), ["anthropic"])
    assert all(name in told for name in ("anthropic>=", "respx>=", "httpx>=", "time-machine>="))
    assert remedy(find_target("naive"), ["anthropic"]) == ""
