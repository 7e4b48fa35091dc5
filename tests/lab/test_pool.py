"""The pool: a target is imported once a process, and again when its file has changed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lab import pool as pools
from harness.lab.pool import Pool, stoppable
from harness.lab.targets import TargetError, TargetRef, find_target
from harness.world.process import Stopped

SOURCE = "class T:\n    name = 't'\n    def open(self, *_): ...\n"


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture
def ref(tmp_path: Path) -> TargetRef:
    path = tmp_path / "t.py"
    path.write_text(SOURCE, encoding="utf-8")
    return find_target(f"{path}:T")


def _never() -> bool:
    return False


def test_a_server_is_used_again_until_its_file_changes(pool: Pool, ref: TargetRef) -> None:
    with pool.server(ref, _never) as first:
        pass
    with pool.server(ref, _never) as second:
        assert second is first
    os.utime(str(ref.file), ns=(1, 1))
    with pool.server(ref, _never) as third:
        assert third is not first


def test_of_too_many_idle_servers_the_one_unused_longest_is_ended(
    pool: Pool, ref: TargetRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "IDLE_MAX", 1)
    path = tmp_path / "u.py"
    path.write_text(SOURCE, encoding="utf-8")
    other = find_target(f"{path}:T")
    with pool.server(ref, _never) as gone:
        pass
    with pool.server(other, _never) as kept:
        pass
    assert not gone.alive
    assert not gone.root.exists()
    with pool.server(other, _never) as again:
        assert again is kept


def test_a_server_in_trouble_is_not_kept_and_leaves_no_directory(
    pool: Pool, ref: TargetRef
) -> None:
    with pytest.raises(RuntimeError), pool.server(ref, _never) as server:
        raise RuntimeError("trouble")
    assert not server.root.exists()
    with pool.server(ref, _never) as other:
        assert other is not server


def test_several_are_different_ones_and_none_is_none(pool: Pool, ref: TargetRef) -> None:
    with pool.servers(ref, 2, _never) as (one, two):
        assert one is not two
    with pool.servers(ref, 0, _never) as servers:
        assert servers == []


def test_a_server_that_died_on_the_way_is_not_kept(pool: Pool, ref: TargetRef) -> None:
    with pool.server(ref, _never) as server:
        server._process.kill()
        server._process.wait()
        assert server.root.exists()
    assert not server.root.exists()
    with pool.server(ref, _never) as other:
        assert other is not server


def test_there_is_one_zygote_until_a_new_one_would_begin_otherwise(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pool.zygote()
    assert pool.zygote() is first
    monkeypatch.setenv("SSL_CERT_FILE", "/another/file")
    assert pool.zygote() is not first
    assert not first.fits


def test_a_target_that_does_not_import_is_a_target_error(pool: Pool, ref: TargetRef) -> None:
    Path(str(ref.file)).write_text("import nowhere_to_be_found\n", encoding="utf-8")
    with (
        pytest.raises(TargetError, match=r"t\.py:T cannot be opened: .*nowhere_to_be_found"),
        pool.server(ref, _never),
    ):
        pass


def test_a_ctrl_c_asks_what_works_to_end_in_order(hears_ctrl_c: None) -> None:
    before = signal.getsignal(signal.SIGINT)
    heard: list[bool] = []

    def work() -> None:
        with stoppable() as stopped:
            heard.append(stopped())
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            heard.append(stopped())
            raise Stopped

    with pytest.raises(KeyboardInterrupt):
        work()
    assert heard == [False, True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_later_ctrl_c_does_not_ask(hears_ctrl_c: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "SAME_S", -1.0)
    with pytest.raises(KeyboardInterrupt), stoppable():
        signal.raise_signal(signal.SIGINT)


def test_a_thread_is_left_to_whoever_stops_it() -> None:
    heard: list[bool] = []

    def work() -> None:
        with stoppable() as stopped:
            heard.append(stopped())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == [False]
