"""The bridge: a round trip for each crossing, and the line that a life dies on."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.channel import Channel, pair
from harness.life.bridge import Bridge, raising_line, source_line


@pytest.fixture
def ends() -> Iterator[tuple[Bridge, Channel]]:
    mine, theirs = pair()
    runner = Channel(theirs)
    yield Bridge(Channel(mine), __file__, sys.exit), runner
    runner.close()
    mine.close()


def test_a_call_waits_for_its_answer(ends: tuple[Bridge, Channel]) -> None:
    bridge, runner = ends
    runner.send({"go": "on"})
    assert bridge.gate(["reply.started"], request=3) == {"go": "on"}
    assert runner.receive() == {"call": "gate", "at": ["reply.started"], "request": 3}


def test_what_is_only_told_waits_for_nobody_and_comes_before_what_is_said_later(
    ends: tuple[Bridge, Channel],
) -> None:
    bridge, runner = ends
    bridge.tell(call="passed", at=["reply.started"], request=3, page_ns=7)
    runner.send({"go": "on"})
    assert bridge.call(call="tool") == {"go": "on"}
    assert [runner.receive()["call"] for _ in range(2)] == ["passed", "tool"]


def test_a_life_without_a_runner_goes_when_it_tells_too(ends: tuple[Bridge, Channel]) -> None:
    bridge, runner = ends
    runner.close()
    with pytest.raises(SystemExit):
        bridge.tell(call="passed")


def test_a_life_told_to_die_says_where_it_stands_and_does_nothing_more(
    ends: tuple[Bridge, Channel],
) -> None:
    bridge, runner = ends
    went_on: list[bool] = []

    def doomed() -> None:
        with contextlib.suppress(SystemExit):
            bridge.call(call="tool")
            went_on.append(True)

    thread = threading.Thread(target=doomed)
    thread.start()
    assert runner.receive() == {"call": "tool"}
    runner.send({"die": True})
    words = runner.receive()
    assert words["where"].startswith("test_bridge.py:")
    assert words["where"].endswith('bridge.call(call="tool")')
    assert thread.is_alive()
    runner.close()
    thread.join()
    assert not went_on


def test_a_life_without_a_runner_goes(ends: tuple[Bridge, Channel]) -> None:
    bridge, runner = ends
    runner.close()
    with pytest.raises(SystemExit):
        bridge.call(call="tool")


def test_the_line_in_the_targets_own_file_comes_first() -> None:
    assert (source_line(__file__) or "").startswith("test_bridge.py:")
    assert source_line("/nowhere.py") is not None


def test_of_what_raised_the_targets_own_line_is_told_and_no_line_of_a_library() -> None:
    with pytest.raises(ValueError, match="Expecting") as raised:
        json.loads("{")
    line = raising_line(raised.value, __file__) or ""
    assert line.startswith("test_bridge.py:")
    assert line.endswith('json.loads("{")')
    assert raising_line(raised.value, "/nowhere.py") == line
    assert raising_line(ValueError("never raised"), __file__) is None


def test_of_a_file_that_is_no_python_the_line_is_told_that_python_names(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text("class A:\n    def (\n")
    with pytest.raises(SyntaxError) as raised:
        compile(path.read_text(), str(path), "exec")
    assert raising_line(raised.value, str(path)) == "wrong.py:2 def ("
