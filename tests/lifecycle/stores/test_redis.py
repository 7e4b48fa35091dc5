"""Redis's and Valkey's own: settings that cannot keep the word are refused, lost connections."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import redis

from harness.lifecycle import Checkpoint, NotDurable, RedisStore, SessionBusy, StoreUnavailable
from harness.lifecycle.stores.redis import complaint_of
from tests.lifecycle.stores.places import Place, contents

GOOD = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
}


@contextmanager
def setting(place: Place, name: str, value: str) -> Iterator[None]:
    """The server with another setting."""
    with redis.Redis.from_url(place.where) as client:
        before = dict(client.config_get(name))
        client.config_set(name, value)
        try:
            yield
        finally:
            client.config_set(name, before[name])


@pytest.mark.parametrize("policy", ["everysec", "no"])
def test_a_server_that_may_forget_is_refused_unless_loss_is_accepted(
    valkey: Place, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    with setting(valkey, "appendfsync", policy):
        with pytest.raises(NotDurable, match=f"expected appendfsync always, got {policy}"):
            valkey.open()
        with caplog.at_level(logging.WARNING, "harness.lifecycle"):
            RedisStore(valkey.where, accept_loss=True).open(valkey.session_id).release()
        assert "may be lost" in caplog.text
    valkey.open().release()


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({}, ""),
        ({"maxmemory": "100", "maxmemory-policy": "volatile-lru"}, ""),
        ({"maxmemory-policy": "allkeys-lru"}, ""),
        ({"maxmemory": "100", "maxmemory-policy": "allkeys-lru"}, "got allkeys-lru"),
        ({"appendonly": "no"}, "expected appendonly yes, got no"),
        ({"appendfsync": "everysec"}, "expected appendfsync always, got everysec"),
    ],
)
def test_settings_that_lose_turns_are_named(changed: dict[str, str], complaint: str) -> None:
    found = complaint_of({**GOOD, **changed})
    assert complaint in found
    assert bool(found) == bool(complaint)


def test_settings_that_are_hidden_count_as_unknown(valkey: Place) -> None:
    with redis.Redis.from_url(valkey.where) as client:
        client.acl_setuser("hidden", enabled=True, nopass=True, keys=["*"], commands=["+@all"])
        client.execute_command("ACL", "SETUSER", "hidden", "-config")
        path = valkey.where.removeprefix("unix://")
        store = RedisStore(f"unix://hidden:any@{path}")
        with pytest.raises(NotDurable, match="not to be seen"):
            store.open(valkey.session_id)
        client.acl_deluser("hidden")


def test_a_full_memory_is_not_acknowledged_and_the_next_append_is_whole(valkey: Place) -> None:
    held = valkey.open()
    held.log.append("user", "one")
    with (
        setting(valkey, "maxmemory", "1"),
        pytest.raises(OSError, match="nothing was acknowledged"),
    ):
        held.log.append("user", "two")
    held.log.append("user", "two")
    assert contents(held) == ["one", "two"]
    held.release()


def cut_off(place: Place) -> None:
    """End every other connection to the server."""
    with redis.Redis.from_url(place.where) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def test_a_lost_connection_is_made_again_and_the_session_is_still_held(valkey: Place) -> None:
    held = valkey.open()
    held.log.append("user", "one")
    cut_off(valkey)
    held.log.append("user", "two")
    with pytest.raises(SessionBusy):
        valkey.open()
    assert contents(held) == ["one", "two"]
    held.release()


def test_a_writer_that_was_overtaken_while_cut_off_writes_nothing(valkey: Place) -> None:
    first = valkey.open()
    first.log.append("user", "one")
    cut_off(valkey)
    second = valkey.open()
    for _ in range(2):
        with pytest.raises(SessionBusy, match="taken this session over"):
            first.log.append("user", "mine")
    first.release()
    with pytest.raises(SessionBusy):
        valkey.open()
    assert contents(second) == ["one"]
    second.release()


def test_a_writer_whose_number_is_old_writes_nothing(valkey: Place) -> None:
    held = valkey.open()
    held.log.append("user", "one")
    held.checkpoints.save(Checkpoint(1))
    with redis.Redis.from_url(valkey.where) as client:
        client.hincrby(f"conversation:{{{valkey.session_id}}}:session", "writer", 1)
    with pytest.raises(SessionBusy, match="taken this session over"):
        held.log.append("user", "two")
    with pytest.raises(SessionBusy, match="taken this session over"):
        held.checkpoints.save(Checkpoint(2))
    assert contents(held) == ["one"]
    assert held.checkpoints.load() == Checkpoint(1)
    held.release()


def test_after_a_restart_another_client_of_the_same_number_is_not_the_holder(
    valkey: Place,
) -> None:
    assert valkey.server is not None
    first = valkey.open()
    number = first.log._shelf._client.client_id()  # type: ignore[attr-defined]
    valkey.server.kill()
    valkey.server.start()
    with ExitStack() as strangers:
        seen = 0
        while seen < number:
            client = redis.Redis.from_url(valkey.where, single_connection_client=True)
            strangers.callback(client.close)
            seen = client.client_id()
        assert seen == number
        valkey.open().release()
    first.release()


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(StoreUnavailable, match="the server says"):
        RedisStore("unix:///nowhere/socket").open("ada")


def test_what_is_released_stays_released(valkey: Place) -> None:
    held = valkey.open()
    held.release()
    held.release()
    with pytest.raises(StoreUnavailable, match="closed"):
        held.log.append("user", "late")


def test_a_store_that_died_before_the_goodbye_is_no_error(valkey: Place) -> None:
    held = valkey.open()
    cut_off(valkey)
    held.release()
    valkey.open().release()
    assert valkey.server is not None


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ImportError, match=r"\[redis\]"):
        RedisStore("unix:///nowhere").open("ada")
