"""Of a stack the line is shown that its author can mend."""

from __future__ import annotations

from pathlib import Path

import harness
from harness.frames import innermost, is_theirs

PACKAGE = Path(harness.__path__[0])
HERE = (__file__, 3)


def test_the_innermost_line_outside_libraries_is_shown() -> None:
    places = [("/lib/json.py", 9), HERE, ("/mine/other.py", 4)]
    assert innermost(places, ("/lib/",)) == "test_frames.py:3 from __future__ import annotations"
    assert innermost(places[:1], ("/lib/",)) is None


def test_the_targets_own_file_comes_before_what_it_calls() -> None:
    places = [("/mine/other.py", 4), HERE]
    assert (innermost(places, (), __file__) or "").startswith("test_frames.py:3 ")
    assert innermost(places, (), "/nowhere.py") == "other.py:4"


def test_a_shipped_target_is_shown_wherever_the_package_lies_and_its_bridge_never() -> None:
    libraries = (str(PACKAGE.parent),)
    assert is_theirs(f"{PACKAGE}/targets/naive.py", libraries)
    assert not is_theirs(f"{PACKAGE}/life/bridge.py", ())
    assert not is_theirs(f"{PACKAGE}/doors/play.py", ())
    assert not is_theirs("<frozen importlib>", ())
