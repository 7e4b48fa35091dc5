"""The telling functions stand wherever a module holds Python's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import os, sys, io, builtins, posix, mmap, tempfile
from os import fsync, replace as put
from harness.life.disk import tell, wrapped
def late(path, remove=os.unlink):
    remove(path)
class Holder:
    def remove(self, path, remove=os.remove):
        remove(path)
before = os.open, io.open
wrapped.install()
wrapped.install()
assert os.open is posix.open and os.open is not before[0]
assert builtins.open is io.open is not before[1]
assert os.unlink in os.supports_dir_fd and os.truncate in os.supports_fd
heard = []
path = sys.argv[1]
open(path, "w").close()
wrapped.begin(lambda **told: heard.append(told["name"]) or {})
with open(path, "w") as file:
    file.write("text")
    file.flush()
    fsync(file.fileno())
put(path, path + "2")
late(path + "2")
class Mine:
    remove = os.remove
open(path, "w").close()
Mine().remove(path)
open(path, "w").close()
Holder().remove(path)
if not os.fork():
    open(path, "w").close()
    os._exit(0)
os.wait()
os.write(1, b"")
print(*heard)
"""


def test_every_way_to_a_function_tells_and_a_child_does_not(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "file")],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    expected = ["openat", "write", "fsync", "rename", "unlink"]
    expected += ["openat", "unlink", "openat", "unlink"]
    assert done.stdout.split() == expected


def test_a_wrong_argument_is_refused_in_pythons_own_words(tmp_path: Path) -> None:
    program = """
import os
from harness.life.disk import wrapped
wrapped.install()
wrapped.begin(lambda **told: {})
for wrong in (lambda: os.unlink(3.5), lambda: os.rename("a"), lambda: os.write(10**6, b"x")):
    try:
        wrong()
    except (TypeError, OSError) as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    one, two, three = done.stdout.splitlines()
    assert "path should be string, bytes or os.PathLike, not float" in one
    assert "required positional argument" in two or "'dst'" in two
    assert "Bad file descriptor" in three
