"""The registry: whose session, for how long, and how many files."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lifecycle import AsyncSessions, SessionBusy, SessionIdError, Sessions
from harness.lifecycle.stores.jsonl import user_of
from tests.lifecycle.fake_claude import ApiError, AsyncFakeClaude, FakeClaude, says

SECOND_NS = 1_000_000_000


class Clock:
    """Nanoseconds, set by hand."""

    def __init__(self) -> None:
        self.now_ns = 1000 * SECOND_NS

    def __call__(self) -> int:
        return self.now_ns


def echo(request: dict[str, Any]) -> Any:
    return says("you said: " + request["messages"][-1]["content"][-1]["text"])


def opened(root: Path, client: Any = None, **given: Any) -> Sessions:
    return Sessions(root, client=client or FakeClaude(echo), **given)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_two_users_have_two_sessions_and_each_its_own_memory(tmp_path: Path) -> None:
    client = FakeClaude(echo)
    sessions = opened(tmp_path, client)
    sessions.send("ada", "m1", "I am Ada")
    sessions.send("Ada", "m1", "I am another Ada")
    assert sessions.send("ada", "m2", "who?") == "you said: who?"
    assert "another" not in str(client.requests[-1])
    assert sorted(user_of(folder) for folder in tmp_path.iterdir()) == ["Ada", "ada"]
    sessions.close()


@pytest.mark.parametrize("user_id", ["../../x", "a/b", "..", "\uff38", "x" * 300, "CON", "a\x00b"])
def test_no_user_id_leaves_the_root_or_meets_another(user_id: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    sessions = opened(root)
    sessions.send(user_id, "m1", "hello")
    sessions.send(user_id.lower() + "1", "m1", "hello")
    sessions.close()
    assert [each.name for each in tmp_path.iterdir()] == ["root"]
    assert len(list(root.iterdir())) == 2
    assert sessions.session_ids(user_id) == ["000001"]


@pytest.mark.parametrize("user_id", ["", "\ud800", None, 7])
def test_what_cannot_be_an_id_is_refused(user_id: Any, tmp_path: Path) -> None:
    with pytest.raises(SessionIdError):
        opened(tmp_path).send(user_id, "m1", "hello")
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=25, deadline=None)
@given(gaps=st.lists(st.integers(0, 120), min_size=1, max_size=12), stays_open=st.booleans())
def test_a_session_expires_at_t_and_not_before(
    gaps: list[int], stays_open: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock, root = Clock(), tmp_path_factory.mktemp("root")
    sessions = opened(root, expire_after_s=60, now=clock)
    expected = 1
    sessions.send("ada", "m", "first")
    for number, gap in enumerate(gaps):
        clock.now_ns += gap * SECOND_NS
        expected += gap >= 60
        if not stays_open:
            sessions.close()
        sessions.send("ada", f"m{number}", "next")
        assert len(sessions.session_ids("ada")) == expected
    sessions.close()


def test_a_nanosecond_before_t_it_is_the_same_session_and_a_clock_set_back_ends_none(
    tmp_path: Path,
) -> None:
    clock = Clock()
    sessions = opened(tmp_path, expire_after_s=60, now=clock)
    sessions.send("ada", "m1", "hello")
    clock.now_ns += 60 * SECOND_NS - 1
    sessions.send("ada", "m2", "hello")
    clock.now_ns -= 10**6 * SECOND_NS
    sessions.send("ada", "m3", "hello")
    assert sessions.session_ids("ada") == ["000001"]
    sessions.close()


def test_a_session_never_expires_in_the_middle_of_a_turn(tmp_path: Path) -> None:
    clock = Clock()
    client = FakeClaude(iter([ApiError(529, "Overloaded"), says("done"), says("new")]))
    sessions = opened(tmp_path, client, expire_after_s=60, now=clock)
    with pytest.raises(ApiError):
        sessions.send("ada", "m1", "a long job")
    sessions.close()
    clock.now_ns += 3600 * SECOND_NS
    again = opened(tmp_path, client, expire_after_s=60, now=clock)
    with again.of("ada") as conversation:
        assert conversation.pending
        assert conversation.resume() == "done"
        clock.now_ns += 3600 * SECOND_NS
    again.send("ada", "m2", "hello")
    assert again.session_ids("ada") == ["000001", "000002"]
    assert len(client.requests[-1]["messages"]) == 1
    again.close()


def test_the_session_idle_longest_makes_room(tmp_path: Path) -> None:
    before = open_files()
    sessions = opened(tmp_path, open_max=3)
    for number in range(10):
        sessions.send(f"user{number}", "m1", "hello")
        assert sessions.open_count <= 3
        assert open_files() - before <= 3 * 2
    for number in range(10):
        with sessions.of(f"user{number}") as conversation:
            assert len(conversation.history()) == 2
    sessions.close()
    assert (sessions.open_count, open_files()) == (0, before)


def test_another_process_keeps_its_session_and_a_failure_leaves_no_place_taken(
    tmp_path: Path,
) -> None:
    first, second = opened(tmp_path), opened(tmp_path, open_max=1)
    first.send("ada", "m1", "hello")
    with pytest.raises(SessionBusy):
        second.send("ada", "m1", "hello")
    assert second.send("bob", "m1", "hello") == "you said: hello"
    first.close()
    second.send("ada", "m2", "hello")
    second.close()


def test_room_for_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        opened(tmp_path, open_max=0)


def test_threads_wait_for_their_user_and_for_room(tmp_path: Path) -> None:
    sessions = opened(tmp_path, open_max=2)

    def talk(user: int) -> None:
        for number in range(4):
            sessions.send(f"user{user % 5}", f"m{user}-{number}", f"word{user}")

    threads = [threading.Thread(target=talk, args=(user,)) for user in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for user in range(5):
        with sessions.of(f"user{user}") as conversation:
            said = [each.content for each in conversation.history()]
        assert len(said) == 16
        assert said[1::2] == [f"you said: {word}" for word in said[::2]]
    sessions.close()


def talk_of_many(root: Path, users: int, before: Callable[[], Any]) -> tuple[int, AsyncSessions]:
    """All users at once, two turns each; the most files that were open."""
    most = 0

    async def seen() -> None:
        nonlocal most
        most = max(most, open_files())
        await before()

    sessions = AsyncSessions(root, client=AsyncFakeClaude(echo, before=seen), open_max=32)

    async def talk(user: int) -> None:
        for number in range(2):
            answer = await sessions.send(f"user{user}", f"m{number}", f"{user}:{number}")
            assert answer == f"you said: {user}:{number}"

    async def all_of_them() -> None:
        await asyncio.gather(*map(talk, range(users)))

    asyncio.run(all_of_them())
    return most, sessions


def test_200_sessions_at_once_keep_their_turns_apart_and_their_files_few(tmp_path: Path) -> None:
    files = open_files()
    most, sessions = talk_of_many(tmp_path, 200, lambda: asyncio.sleep(0))
    asyncio.run(sessions.close())
    assert most - files <= 2 * 32 + 12
    for user in range(200):
        with Sessions(tmp_path, client=None).of(f"user{user}") as conversation:
            said = [each.content for each in conversation.history()]
            conversation.close()
        expected = [f"{user}:{n}" for n in range(2)]
        assert said == [each for word in expected for each in (word, f"you said: {word}")]


def test_a_folder_whose_name_is_damaged_says_so(tmp_path: Path) -> None:
    opened(tmp_path).send("ada", "m1", "hello")
    (folder,) = tmp_path.iterdir()
    (folder / "user.json").write_text("{}")
    with pytest.raises(SessionIdError, match=r"user\.json"):
        user_of(folder)
