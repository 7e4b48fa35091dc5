"""What lies beside the home belongs to other sessions; all else may be read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.life.disk.reads import beside

HOME = "/lab/cases/home"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/lab/cases/other/log", "../other/log"),
        ("/lab/cases/home/../other", "../other"),
        (b"/lab/cases/other", "../other"),
        (Path("/lab/cases"), ".."),
        ("/lab/cases/home-2/log", "../home-2/log"),
        ("/lab/cases/home/log", None),
        ("/lab/cases/home", None),
        ("/lab/casesandmore", None),
        ("/lab/cases/my_target.py", None),
        ("/etc/localtime", None),
        ("log", None),
        (7, None),
        (None, None),
    ],
)
def test_only_what_is_beside_the_home_is_found(path: object, found: str | None) -> None:
    assert beside(path, HOME) == found


def test_files_directories_and_databases_are_heard(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.mkdir()
    (other / "log").touch()
    program = f"""
import os, sqlite3
from pathlib import Path
from harness.life.disk import reads
heard = []
reads.watch({str(home)!r}, lambda *told: heard.append(' '.join(told)))
other = Path({str(other)!r})
(other / "log").read_bytes()
list(other.iterdir())
list(os.scandir(other))
sqlite3.connect(other / "base").close()
(Path({str(home)!r}) / "log").touch()
(other / "log").write_text("x")
print(*heard, sep="\\n")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        "read ../other/log",
        "read ../other",
        "read ../other",
        "read ../other/base",
        "write ../other/log",
    ]
