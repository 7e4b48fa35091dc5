"""Keys in Redis: one slot of a cluster a session, and no two sessions under one key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle.stores.redis_keys import Keys

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def test_the_keys_of_nobodys_session_and_of_a_users() -> None:
    nobodys, ours = Keys.of("talk", None, "s"), Keys.of("talk", "Ada", "000001")
    assert nobodys.all == ("talk:{s}:session", "talk:{s}:log", "talk:{s}:ids")
    assert ours.all == (
        "talk:{%41da}:000001:session",
        "talk:{%41da}:000001:log",
        "talk:{%41da}:000001:ids",
        "talk:{%41da}:sessions",
    )
    assert Keys.at("talk", ours.place) == ours


@given(first=st.tuples(st.none() | IDS, IDS), second=st.tuples(st.none() | IDS, IDS))
def test_no_two_sessions_share_a_key(
    first: tuple[str | None, str], second: tuple[str | None, str]
) -> None:
    mine, theirs = Keys.of("p", *first), Keys.of("p", *second)
    assert (mine == theirs) == (first == second)
    if first != second:
        assert not set(mine.all[:3]) & set(theirs.all[:3])
    if mine.user is not None:
        assert mine.user not in theirs.all[:3]
