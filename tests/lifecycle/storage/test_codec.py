"""The turn log: what is acknowledged stays, whatever happens to the bytes around it."""

from __future__ import annotations

import errno
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.lifecycle import ConversationCodec, LogVersionError, MessageRefused
from harness.lifecycle.storage import codec as codec_room
from harness.lifecycle.storage.durable import seal

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
BLOCKS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), max_size=3)
CONTENTS = st.one_of(TEXTS, BLOCKS)
ROLES = st.sampled_from(["user", "assistant"])
FAST = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def at(path: Path) -> ConversationCodec:
    return ConversationCodec(path, now=lambda: 5)


def written(path: Path, *contents: Any) -> list[tuple[str, Any]]:
    with at(path) as codec:
        for number, content in enumerate(contents):
            codec.append("user" if number % 2 == 0 else "assistant", content)
        return [(turn["role"], turn["content"]) for turn in codec.read_all()]


@FAST
@given(turns=st.lists(st.tuples(ROLES, CONTENTS), max_size=6))
def test_what_was_appended_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "turns.jsonl"
    with at(path) as codec:
        for role, content in turns:
            codec.append(role, content)
    with at(path) as codec:
        assert [(turn["role"], turn["content"]) for turn in codec.read_all()] == turns
        assert codec.damage == []


def test_separators_of_unicode_are_not_line_ends(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\x85d\r\ne\x00f"
    assert written(tmp_path / "log", text) == [("user", text)]


def test_records_carry_id_sequence_time_and_tokens(tmp_path: Path) -> None:
    with at(tmp_path / "log") as codec:
        codec.append("user", "hello", record_id="m1", mood="good")
        codec.append("assistant", "hi", tokens=7)
        first, second = codec.read_all()
    assert (first.id, first.sequence, first.at_ns, first["mood"]) == ("m1", 0, 5, "good")
    assert first.tokens > 0
    assert (second.sequence, second.tokens) == (1, 7)


def test_time_in_the_log_never_goes_back(tmp_path: Path) -> None:
    times = iter([9, 4])
    with ConversationCodec(tmp_path / "log", now=lambda: next(times)) as codec:
        codec.append("user", "a")
        codec.append("user", "b")
        assert [record.at_ns for record in codec.read_all()] == [9, 9]


def test_every_byte_prefix_loads_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    whole = written(path, "one", [{"type": "text", "text": "zwei ü"}], "three")
    data = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(data) if byte == 10]
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        with at(path) as codec:
            records = codec.read_all()
            # A record that lost only its newline is whole.
            complete = sum(1 for end in ends if end - 1 <= length)
            assert [(r.role, r.content) for r in records] == whole[:complete]
            torn = length not in (0, *ends, *(end - 1 for end in ends))
            assert [each.torn for each in codec.damage] == ([True] if torn else [])
            codec.append("user", "after")
        with at(path) as codec:
            records = codec.read_all()
            assert [r.content for r in records] == [*(c for _, c in whole[:complete]), "after"]
            assert [r.sequence for r in records] == list(range(complete + 1))
            assert codec.damage == []


def test_any_single_changed_byte_is_noticed_and_costs_at_most_its_neighbours(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    whole = written(path, "one", "two", "three")
    data = path.read_bytes()
    lines = data.split(b"\n")
    for index in range(len(data)):
        for changed in (data[index] ^ 1, 10, 0):
            if changed == data[index]:
                continue
            path.write_bytes(data[:index] + bytes([changed]) + data[index + 1 :])
            with at(path) as codec:
                kept = [(r.role, r.content) for r in codec.read_all()]
                line = data[:index].count(b"\n")
                separator = data[index] == 10
                assert codec.damage
                assert codec.damage[0].line == line + 1
                lost = {line, line + 1} if separator else {line}
                assert kept == [turn for n, turn in enumerate(whole) if n not in lost]
    assert len(lines) == 4


def test_damage_in_the_middle_is_one_warning_and_stays_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log"
    written(path, "one", "two", "three")
    path.write_bytes(path.read_bytes().replace(b"two", b"tvo"))
    with at(path) as codec, caplog.at_level(logging.WARNING, "harness.lifecycle"):
        assert [turn["content"] for turn in codec.read_all()] == ["one", "three"]
        assert len(caplog.records) == 1
        assert "line 2" in caplog.text
        codec.append("user", "four")
        damage = codec.verify()
    assert [(each.line, each.torn) for each in damage] == [(2, False)]


def test_lost_and_doubled_records_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, "one", "two", "three")
    one, two, three = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(one + three)
    assert "records are missing" in at(path).verify()[0].reason
    path.write_bytes(one + two + two + three)
    assert "written twice" in at(path).verify()[0].reason


def test_a_hole_of_zeros_at_the_end_is_cleared(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, "one")
    path.write_bytes(path.read_bytes() + bytes(4096))
    assert written(path, "two") == [("user", "one"), ("user", "two")]


@pytest.mark.parametrize("bad", ["a\ud800", [{"type": "text", "text": "\udfff"}], [{"x": {1}}]])
def test_what_cannot_be_stored_is_refused_with_nothing_written(tmp_path: Path, bad: Any) -> None:
    path = tmp_path / "log"
    written(path, "one")
    before = path.read_bytes()
    with at(path) as codec:
        with pytest.raises(MessageRefused, match="nothing was written"):
            codec.append("user", bad)
        assert path.read_bytes() == before
        codec.append("user", "two")
        assert len(codec.read_all()) == 2


def test_a_log_from_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, "one")
    newer = {"v": 2, **at(path).read_all()[0].as_json(2)}
    path.write_bytes(seal(newer) + b"\n")
    before = path.read_bytes()
    with pytest.raises(LogVersionError, match="version 2"):
        at(path).append("user", "two")
    assert path.read_bytes() == before


def test_reading_creates_nothing(tmp_path: Path) -> None:
    assert at(tmp_path / "a" / "log").read_all() == []
    assert list(tmp_path.iterdir()) == []


def test_a_created_log_is_private_and_its_name_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), real(fd))[1]
    )
    path = tmp_path / "new" / "log"
    written(path, "one")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {str(tmp_path), str(path.parent), str(path)} <= set(synced)
    assert synced[-1] == str(path)


@pytest.mark.parametrize("what", ["write", "fsync", "short"])
def test_a_disk_error_is_not_acknowledged_and_the_next_append_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path = tmp_path / "log"
    real = os.write
    with at(path) as codec:
        codec.append("user", "one")

        def fails(descriptor: int, data: Any = b"") -> int:
            if what == "short" and len(data) > 20:
                return real(descriptor, data[:20])
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync" if what == "fsync" else "write", fails)
            with pytest.raises(OSError, match="No space"):
                codec.append("user", "lost")
        assert [r.content for r in codec.read_all()] == ["one"]
        codec.append("user", "two")
    with at(path) as codec:
        assert [(r.sequence, r.content) for r in codec.read_all()] == [(0, "one"), (1, "two")]
        assert codec.damage == []


def test_a_record_that_may_never_have_reached_the_disk_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    written(path, "one", "two")
    again: list[bytes] = []
    real = codec_room.write_all
    monkeypatch.setattr(
        codec_room, "write_all", lambda fd, data: (again.append(data), real(fd, data))[1]
    )
    before = path.read_bytes()
    with at(path) as codec:
        codec.settle()
    assert again == [before.splitlines(keepends=True)[1]]
    assert path.read_bytes() == before


def test_a_batch_shares_one_barrier_and_loses_at_most_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def counting(descriptor: int) -> None:
        real(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    path = tmp_path / "log.jsonl"
    with ConversationCodec(path, batch=10) as codec:
        codec.settle()
        monkeypatch.setattr(os, "fsync", counting)
        for n in range(35):
            codec.append("user", f"task {n}")
            # What a power cut leaves is at least what the last barrier saw.
            lost = path.read_bytes()[synced[-1] if synced else 0 :].count(b"\n")
            assert lost < 10
        assert len(synced) == 3
        codec.flush()
        codec.flush()
        assert len(synced) == 4
    assert len(ConversationCodec(path).read_all()) == 35


def test_what_a_failed_barrier_leaves_of_a_batch_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    codec = ConversationCodec(path, batch=4)
    for n in range(3):
        codec.append("user", f"task {n}")

    def fails(descriptor: int) -> None:
        raise OSError(5, "bad disk")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="bad disk"):
            codec.append("user", "task 3")
    codec.append("user", "task 3")
    assert [each.content for each in ConversationCodec(path).read_all()] == [
        f"task {n}" for n in range(4)
    ]
    codec.close()


def test_a_record_of_a_large_batch_costs_what_one_of_a_small_batch_costs(tmp_path: Path) -> None:
    def cheapest_s(batch: int) -> float:
        path = tmp_path / f"{batch}.jsonl"
        with ConversationCodec(path, batch=batch, rotate_bytes=1 << 40) as codec:
            for _ in range(12_000):
                codec.append("user", "task", tokens=1)
            return min(timed(codec, 100) for _ in range(20))

    def timed(codec: ConversationCodec, times: int) -> float:
        began = time.process_time()
        for _ in range(times):
            codec.append("user", "task", tokens=1)
        return time.process_time() - began

    assert cheapest_s(100_000) < 2 * cheapest_s(50)


@pytest.mark.parametrize("bad", [{"batch": 0}, {"rotate_bytes": 0}])
def test_a_batch_or_a_size_of_nothing_is_refused(bad: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ConversationCodec(tmp_path / "log.jsonl", **bad)
