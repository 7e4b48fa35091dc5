"""One suite over every store: users are kept apart, sessions expire, a search reads everything."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lifecycle import (
    AsyncSessions,
    Found,
    Query,
    SessionBusy,
    SessionIdError,
    Sessions,
    SqliteStore,
    UserStore,
    search,
)
from tests.lifecycle.fake_claude import AsyncFakeClaude, FakeClaude, says
from tests.lifecycle.stores.places import Place, fresh_session

MINUTE_NS = 60 * 1_000_000_000


def echo(request: dict[str, Any]) -> Any:
    return says("you said: " + request["messages"][-1]["content"][-1]["text"])


def users_of(place: Place) -> UserStore:
    store = place.store
    assert isinstance(store, UserStore)
    return store


def registry(place: Place, client: Any = None, **given: Any) -> Sessions:
    return Sessions("unused", client=client or FakeClaude(echo), store=users_of(place), **given)


@pytest.fixture
def ada() -> str:
    """A user that no other test knows: servers outlive a test."""
    return f"Ada {fresh_session()}"


def test_two_users_never_meet_and_each_goes_on_where_it_was(place: Place, ada: str) -> None:
    client = FakeClaude(echo)
    for turn in range(4):
        sessions = registry(place, client)
        for user in (ada, ada.lower(), ada + "2"):
            assert sessions.send(user, f"m{turn}", f"{user} {turn}") == f"you said: {user} {turn}"
            said = str(client.requests[-1]["messages"])
            assert said.count(f"you said: {user} ") == turn
            assert said.count("you said") == turn
        sessions.close()
    assert users_of(place).of(ada).session_ids() == ["000001"]
    assert len(client.requests) == 12


HOSTILE = ["../../x", "a/b", "a/000001", "..", "\uff38", "x" * 300, "%_*[", "{x}:*", "a\x00b", "'"]


def test_hostile_user_ids_are_ids_like_others(place: Place, ada: str) -> None:
    sessions = registry(place, open_max=3)
    users = [ada + each for each in HOSTILE] + [each + ada for each in HOSTILE]
    for user in [*users, ada]:
        sessions.send(user, "m1", f"I am {user!r}")
    for user in [*users, ada]:
        assert sessions.session_ids(user) == ["000001"]
        with sessions.of(user) as conversation:
            assert [said.content for said in conversation.history()][:1] == [f"I am {user!r}"]
    sessions.close()
    for user in [*users, ada]:
        assert {each.user_id for each in users_of(place).lines(user)} == {user}
    for bad in ("", "\ud800"):
        with pytest.raises(SessionIdError):
            sessions.send(bad, "m1", "hello")


def test_a_session_expires_at_t_and_the_next_one_begins_empty(place: Place, ada: str) -> None:
    clock = itertools.accumulate([1000 * MINUTE_NS, MINUTE_NS - 1, MINUTE_NS, 0])
    client = FakeClaude(echo)
    for turn, (now, expected) in enumerate(zip(clock, [1, 1, 2, 2], strict=True)):
        sessions = registry(place, client, expire_after_s=60, now=itertools.repeat(now).__next__)
        sessions.send(ada, f"m{turn}", "hello")
        assert len(sessions.session_ids(ada)) == expected
        sessions.close()
    assert [len(each["messages"]) for each in client.requests] == [1, 3, 1, 3]


def test_few_sessions_are_open_and_another_process_keeps_its_own(place: Place, ada: str) -> None:
    first, second = registry(place, open_max=2), registry(place, open_max=2)
    for number in range(5):
        first.send(f"{ada}{number}", "m1", "hello")
        assert first.open_count <= 2
    with pytest.raises(SessionBusy):
        second.send(f"{ada}4", "m2", "hello")
    assert second.send(f"{ada}0", "m2", "again") == "you said: again"
    first.close()
    with second.of(f"{ada}4") as conversation:
        assert len(conversation.history()) == 2
    second.close()


def test_users_on_an_event_loop_do_not_wait_for_each_other(place: Place, ada: str) -> None:
    inside = 0

    async def talk() -> list[str]:
        met = asyncio.Event()

        async def both() -> None:
            nonlocal inside
            inside += 1
            if inside == 2:
                met.set()
            await met.wait()

        client = AsyncFakeClaude(echo, before=both)
        sessions = AsyncSessions("unused", client=client, store=users_of(place))
        answers = await asyncio.gather(*(sessions.send(ada + n, "m1", n) for n in "ab"))
        await sessions.close()
        return answers

    assert asyncio.run(talk()) == ["you said: a", "you said: b"]


def brute_force(place: Place, users: list[str], query: Query) -> Iterator[Found]:
    for user in sorted(users):
        mine = users_of(place).of(user)
        for session_id in mine.session_ids():
            held = mine.open(session_id)
            found = [each for each in held.log.read_all() if query.fits(each)]
            held.release()
            if query.user_id in (None, user):
                yield from (Found(user, session_id, each) for each in found)


@pytest.mark.parametrize(
    "query", [Query(), Query("you said"), Query('"7"\n'), Query(role="note"), Query("2", "user")]
)
def test_a_search_finds_what_a_reader_of_everything_finds(
    place: Place, ada: str, query: Query
) -> None:
    users = [f"{ada}{letter}" for letter in "abc"]
    now = 0
    sessions = registry(place, expire_after_s=60, now=lambda: now)
    for turn in range(9):
        now += 25_000_000_000
        sessions.send(users[turn % 3], f"m{turn}", f'turn "{turn}"\nü')
    with sessions.of(users[0]):
        # A session that is being written to is read like the others.
        during = [each for each in search(users_of(place), query) if each.user_id in users]
    sessions.close()
    assert during == list(brute_force(place, users, query))
    assert len(sessions.session_ids(users[0])) > 1
    for user in users:
        alone = Query(query.text, query.role, user_id=user)
        assert list(search(users_of(place), alone)) == [e for e in during if e.user_id == user]


def test_what_belongs_to_nobody_is_listed_apart(place: Place, ada: str) -> None:
    sessions = registry(place)
    sessions.send(ada, "m1", "hello")
    sessions.close()
    place.open().release()
    assert place.session_id in users_of(place).session_ids()
    assert "000001" not in users_of(place).session_ids()
    assert users_of(place).of(ada + "?").session_ids() == []
    assert list(users_of(place).lines(ada + "?")) == []
    assert place.session_id not in {each.session_id for each in users_of(place).lines()}


def test_a_store_that_does_not_know_users_is_refused(tmp_path: Path) -> None:
    class Plain:
        open = SqliteStore(tmp_path / "x.db").open

    with pytest.raises(TypeError, match="keeps users apart"):
        Sessions(tmp_path, client=None, store=Plain())


def test_nothing_is_where_nothing_was_written(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "nowhere" / "x.db")
    assert (store.session_ids(), list(store.lines())) == ([], [])
    assert list(tmp_path.iterdir()) == []
