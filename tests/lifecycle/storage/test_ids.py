"""The index of ids: finds what the log holds, whatever happens to the index."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lifecycle import ConversationCodec
from harness.lifecycle.storage import codec as codec_room
from harness.lifecycle.storage.ids import IdIndex
from harness.lifecycle.storage.record import Record
from harness.lifecycle.storage.segments import Segments


@settings(max_examples=30, deadline=None)
@given(
    batches=st.lists(
        st.dictionaries(st.text(max_size=6), st.integers(0, 2**50), max_size=300), max_size=6
    )
)
def test_the_newest_offset_of_every_id_is_found(
    batches: list[dict[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    index = IdIndex(tmp_path_factory.mktemp("ids") / "ids")
    everything: dict[str, int] = {}
    for number, batch in enumerate(batches):
        index.add(batch, covered=number, known=7)
        everything |= batch
        again = IdIndex(index.path)
        again.load()
        assert (again.covered, again.print) == (number, 7)
        assert {each: again.find(each) for each in everything} == everything
        assert again.find("never said before") is None


def test_thousands_of_ids_fill_it_page_by_page(tmp_path: Path) -> None:
    index = IdIndex(tmp_path / "ids")
    for start in range(0, 5000, 500):
        index.add({f"m{n}": n for n in range(start, start + 500)}, covered=start, known=0)
    assert all(index.find(f"m{n}") == n for n in range(5000))
    assert index.path.stat().st_size < 5000 * 16 * 8


@pytest.mark.parametrize("content", [b"", b"junk", bytes(4096)])
def test_a_damaged_index_covers_nothing(content: bytes, tmp_path: Path) -> None:
    index = IdIndex(tmp_path / "ids")
    index.path.write_bytes(content)
    index.load()
    assert (index.covered, index.find("m1")) == (0, None)


def user(record: Record) -> bool:
    return record.role == "user"


def written(folder: Path, turns: int, **settings: Any) -> list[Record]:
    with ConversationCodec(folder / "log.jsonl", **settings) as codec:
        records = []
        for n in range(turns):
            records.append(codec.append("user", f"q{n} " + "word " * 40, record_id=f"m{n}"))
            block = {"type": "tool_use", "id": f"m{n + 1}", "name": "n", "input": {}}
            records.append(codec.append("assistant", [block]))
        return records


def reopened(folder: Path, records: list[Record]) -> ConversationCodec:
    codec = ConversationCodec(folder / "log.jsonl")
    assert codec.settle(tail=(records[-4].offset, records[-4].sequence)) == records[-4:]
    return codec


@pytest.fixture(params=["searched", "indexed"])
def short(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "indexed":
        monkeypatch.setattr(codec_room, "UNINDEXED_BYTES_MAX", 1000)
        monkeypatch.setattr(codec_room, "INDEX_EVERY_BYTES", 3000)
    return str(request.param)


@pytest.mark.parametrize("rotate_bytes", [4000, 10**9])
def test_an_older_turn_is_read_by_its_id_alone(
    short: str, rotate_bytes: int, tmp_path: Path
) -> None:
    records = written(tmp_path, 60, rotate_bytes=rotate_bytes)
    codec = reopened(tmp_path, records)
    for n in range(58):
        assert codec.read_from(f"m{n}", user) == records[2 * n : 2 * n + 2]
    assert codec.read_from("m58", user) == []
    assert codec.read_from("unknown", user) == []
    assert codec.head_holds("m3")
    assert not codec.head_holds("r00000001") or short == "searched"
    assert (tmp_path / "log.jsonl.ids").exists() is (short == "indexed")


@pytest.mark.parametrize("harm", ["flip", "cut", "other", "folder"])
def test_whatever_happens_to_the_index_the_turn_is_found(
    harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_room, "UNINDEXED_BYTES_MAX", 1000)
    records = written(tmp_path, 60)
    codec = reopened(tmp_path, records)
    assert codec.head_holds("m3")
    codec.close()
    path = tmp_path / "log.jsonl.ids"
    data = path.read_bytes()
    if harm == "flip":
        path.write_bytes(data[:4100] + bytes([data[4100] ^ 1]) + data[4101:])
    elif harm == "cut":
        path.write_bytes(data[:5000])
    elif harm == "other":
        index = IdIndex(path)
        index.load()
        index.add({"m3": 17}, covered=index.covered - 5, known=1)
    else:
        path.unlink()
        path.mkdir()
    again = reopened(tmp_path, records)
    assert again.read_from("m3", user) == records[6:8]
    assert again.read_from("m57", user) == records[114:116]


def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all that is read of any log from now on."""
    read: list[int] = []
    real = Segments.read

    def counting(self: Segments, start: int = 0, end: int | None = None) -> bytes:
        data = real(self, start, end)
        read.append(len(data))
        return data

    monkeypatch.setattr(Segments, "read", counting)
    return read


def test_finding_an_old_id_costs_the_same_in_a_log_ten_times_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_room, "UNINDEXED_BYTES_MAX", 50_000)
    monkeypatch.setattr(codec_room, "INDEX_EVERY_BYTES", 100_000)
    costs = {}
    for turns in (1_000, 10_000):
        folder = tmp_path / str(turns)
        folder.mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda descriptor: None)
            records = written(folder, turns)
        codec = reopened(folder, records)
        with monkeypatch.context() as patch:
            read = bytes_read(patch)
            assert codec.read_from("m7", user) == records[14:16]
            assert codec.read_from("nobody", user) == []
        costs[turns] = sum(read)
    assert costs[10_000] < costs[1_000] + 200_000
