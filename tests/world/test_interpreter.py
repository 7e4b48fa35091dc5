"""The server's interpreter: ours with our folder, or another that is shown our package alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.world.interpreter import find_interpreter, start_of_server


def test_our_own_interpreter_finds_the_package_beside_what_the_user_added() -> None:
    start = start_of_server(7, environ={"PYTHONPATH": "/theirs"})
    assert start.command == [sys.executable, "-m", "harness.life.server", "7"]
    here, theirs = start.environment["PYTHONPATH"].split(":")
    assert (Path(here) / "harness" / "protocol.py").is_file()
    assert theirs == "/theirs"


def test_another_one_is_not_shown_the_folder_that_the_package_lies_in() -> None:
    start = start_of_server(7, "/usr/bin/python3", {"PYTHONPATH": "/theirs"})
    assert start.command[0] == "/usr/bin/python3"
    assert start.environment["PYTHONPATH"] == "/theirs"
    assert start.environment["PYTHONHASHSEED"] == "0"


def test_the_bootstrap_imports_our_package_from_anywhere(tmp_path: Path) -> None:
    bootstrap = start_of_server(7, sys.executable, {}).command[2].rpartition("importlib.import")[0]
    asked = (
        "\nimport harness.protocol; print(harness.protocol.__file__, [p for p in sys.path if p])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", bootstrap + asked],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    file, _, path = done.stdout.partition(" ")
    assert file.endswith("harness/protocol.py")
    assert str(Path(file).parents[1]) not in path


def test_an_interpreter_is_found_by_name_and_by_path_and_its_link_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "python-there"
    link.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_interpreter("python-there") == str(link)
    assert find_interpreter(str(link)) == str(link)
    assert find_interpreter("no-python") is None
    assert find_interpreter(str(tmp_path)) is None
