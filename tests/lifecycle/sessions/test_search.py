"""Searching all sessions: the same as reading every record."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lifecycle import ConversationCodec, Query, Sessions, search
from harness.lifecycle.sessions.naming import folder_name
from harness.lifecycle.sessions.search import Found
from harness.lifecycle.stores.jsonl import JsonlStore, user_of
from tests.lifecycle.fake_claude import FakeClaude, calls, says

WORDS = st.sampled_from(['say "hi"', "tab\there", "ünïcode", "line\nbreak", "back\\slash", "plain"])
TURNS = st.lists(st.tuples(st.sampled_from(["ada", "Bob", "../x"]), WORDS), max_size=12)
MAYBE_NS = st.none() | st.integers(0, 40)


def brute_force(root: Path, query: Query) -> list[Found]:
    found = []
    for folder in sorted(root.iterdir()):
        user_id = user_of(folder)
        for number in JsonlStore(root).of(user_id).session_ids():
            records = ConversationCodec(folder / folder_name(number) / "turns.jsonl").read_all()
            mine = query.user_id in (None, user_id)
            found += [Found(user_id, number, r) for r in records if mine and query.fits(r)]
    return found


@settings(max_examples=40, deadline=None)
@given(
    turns=TURNS,
    text=st.none() | WORDS | st.sampled_from(["i", '"', "\\", "absent"]),
    role=st.sampled_from([None, "user", "assistant", "note"]),
    since_ns=MAYBE_NS,
    until_ns=MAYBE_NS,
    user_id=st.sampled_from([None, "ada", "nobody"]),
)
def test_a_search_finds_what_a_reader_of_everything_finds(
    turns: list[tuple[str, str]],
    text: str | None,
    role: str | None,
    since_ns: int | None,
    until_ns: int | None,
    user_id: str | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("root")
    ticks = iter(range(10**6))
    client = FakeClaude(lambda request: says("answer to " + str(request["messages"][-1])))
    sessions = Sessions(root, client=client, expire_after_s=5e-9, now=lambda: next(ticks))
    for number, (user, words) in enumerate(turns):
        sessions.send(user, f"m{number}", words)
    sessions.close()
    query = Query(text, role, since_ns, until_ns, user_id)
    assert list(search(root, query)) == brute_force(root, query)


def test_a_search_sees_what_is_said_in_blocks_and_passes_over_calls(tmp_path: Path) -> None:
    client = FakeClaude(iter([calls(("t1", "book", {"text": "seat"}), text="a seat"), says("ok")]))
    with Sessions(tmp_path, client=client).of("ada") as conversation:
        conversation.send("m1", "book")
        conversation.close()
    found = list(search(tmp_path, Query("seat")))
    assert [each.record.role for each in found] == ["assistant"]
    assert (found[0].user_id, found[0].session_id) == ("ada", "000001")


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert list(search(tmp_path / "nowhere", Query())) == []
