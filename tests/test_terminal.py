"""Who watches a stream, in how many columns, in colour or not; and a text that hangs."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.terminal import (
    COLUMNS,
    columns,
    hanging,
    harmless,
    has_colours,
    is_watched,
    let_go,
    tidy,
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "watched", "coloured"),
    [
        (Terminal(), {}, True, True),
        (Terminal(), {"CI": "true"}, False, True),
        (Terminal(), {"TERM": "dumb"}, False, True),
        (io.StringIO(), {}, False, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, False, True),
        (io.StringIO(), {"FORCE_COLOR": ""}, False, False),
    ],
)
def test_colours_may_be_asked_for_and_a_watcher_may_not(
    stream: io.StringIO, environ: dict[str, str], watched: bool, coloured: bool
) -> None:
    assert is_watched(stream, environ) is watched
    assert has_colours(stream, environ) is coloured


@pytest.mark.parametrize(
    ("told", "wide"), [(None, COLUMNS), ("0", COLUMNS), ("72", 72), ("300", 100), ("5", 40)]
)
def test_prose_is_as_wide_as_the_terminal_within_reason(
    told: str | None, wide: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.__stdout__", io.StringIO())
    monkeypatch.delenv("COLUMNS", raising=False)
    if told is not None:
        monkeypatch.setenv("COLUMNS", told)
    assert columns() == wide


def test_a_long_text_goes_on_below_its_own_beginning() -> None:
    assert hanging("resume/x", "one two three four five six", indent=12, width=32) == [
        "resume/x    one two three four",
        "            five six",
    ]


def test_a_label_that_leaves_no_room_stands_alone() -> None:
    assert hanging("a/very/long/label", "one two", indent=6, width=40) == [
        "a/very/long/label",
        "      one two",
    ]
    assert hanging("label", "", indent=20, width=40) == ["label"]


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=90)


@given(st.lists(WORDS, max_size=30), WORDS, st.integers(0, 60), st.integers(40, 160))
def test_nothing_is_cut_whatever_the_width(
    words: list[str], label: str, indent: int, width: int
) -> None:
    lines = hanging(label, " ".join(words), indent=indent, width=width)
    assert " ".join(lines).split() == [label, *words]
    room = max(width, indent + 20)
    assert all(len(line) <= room or len(line.split()) == 1 for line in lines[1:])


def test_what_a_terminal_would_obey_is_spelled_out() -> None:
    assert harmless("  a\x1b[2Jb\u202e") == "  a\\x1b[2Jb\\u202e"
    assert tidy(" one\n\ttwo\x07 ") == "one two\\x07"


def test_a_stream_that_is_let_go_takes_what_is_said_and_says_it_nowhere() -> None:
    reader, writer = os.pipe()
    with open(writer, "w", encoding="utf-8") as stream:
        os.close(reader)
        let_go(stream)
        stream.write("unheard")
        stream.flush()
        assert os.fstat(stream.fileno()).st_rdev == os.stat(os.devnull).st_rdev
    let_go(io.StringIO())
