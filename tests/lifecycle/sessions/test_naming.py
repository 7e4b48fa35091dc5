"""Session ids as folder names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle import SessionIdError, folder_name
from harness.lifecycle.sessions.naming import full_name, id_of, session_key

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(IDS)
def test_no_id_climbs_out(session_id: str) -> None:
    name = folder_name(session_id)
    assert name.isascii()
    assert len(name) <= 120
    assert Path("home", name).resolve().parent == Path("home").resolve()
    assert name == name.lower()


@given(IDS, IDS)
def test_no_two_ids_share_a_folder(first: str, second: str) -> None:
    assert (folder_name(first) == folder_name(second)) == (first == second)


@pytest.mark.parametrize(
    ("first", "second"),
    [("Ada", "ada"), ("\u00e9", "e\u0301"), ("a/b", "a%2fb"), ("x" * 500, "x" * 501)],
)
def test_ids_that_look_the_same_are_told_apart(first: str, second: str) -> None:
    assert folder_name(first) != folder_name(second)


@pytest.mark.parametrize("session_id", ["", "a\ud800", "x" * 5000])
def test_what_can_be_no_id_is_refused(session_id: str) -> None:
    with pytest.raises(SessionIdError):
        folder_name(session_id)


def test_plain_ids_stay_readable() -> None:
    assert folder_name("ada-2026.03_a") == "ada-2026.03_a"


@given(IDS)
def test_a_folders_name_gives_its_id_back_unless_it_had_to_be_cut(session_id: str) -> None:
    name = folder_name(session_id)
    assert id_of(name) == (name if "%%" in name else session_id)


@given(st.none() | IDS, IDS, st.none() | IDS, IDS)
def test_no_two_sessions_share_a_key(a: str | None, b: str, c: str | None, d: str) -> None:
    assert (session_key(a, b) == session_key(c, d)) == ((a, b) == (c, d))
    assert full_name("ada", "000001") == "ada/000001"
