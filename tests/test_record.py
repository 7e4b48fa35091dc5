"""Records: append-only, read back as they were, damage named by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import record as room
from harness.record import Event, Header, Record, RecordError, read

HEADER = Header("hx1-t", {"name": "x"}, "x.yaml", "naive", 7, "none", {"pid": 1})


def _record() -> Record:
    record = Record(HEADER)
    record.add("life.started", at_ns=0, life=1, turn=None)
    record.add(
        "user.received", at_ns=5, life=1, turn=1, message_id="m1", text="hé\u2028", sending=1
    )
    return record


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "record.jsonl"
    record = _record()
    record.write(path)
    assert read(path) == record
    assert len(path.read_bytes().split(b"\n")) == 4


def test_a_sink_sees_every_event_as_it_is_added() -> None:
    seen: list[Event] = []
    record = Record(HEADER, sink=seen.append)
    event = record.add("ended", at_ns=1, life=1, turn=None)
    assert seen == [event]
    assert list(record.of("ended", "broke")) == [event]


def test_an_event_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        Record(HEADER).add("surprise", at_ns=0, life=1, turn=None)


@pytest.mark.parametrize(
    ("content", "line", "expected"),
    [
        ("", 1, "got an empty file"),
        ("{}\n", 1, "expected the header"),
        ('{"header":{"version":99}}\n', 1, "expected the header"),
        ("GOOD\nnonsense\n", 2, "expected an event"),
    ],
)
def test_damage_is_named_by_line(tmp_path: Path, content: str, line: int, expected: str) -> None:
    path = tmp_path / "record.jsonl"
    _record().write(path)
    header = path.read_text(encoding="utf-8").split("\n")[0]
    path.write_text(content.replace("GOOD", header), encoding="utf-8")
    with pytest.raises(RecordError, match=expected) as caught:
        read(path)
    assert f":{line}:" in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"expected a record.jsonl, got an error"):
        read(tmp_path / "none.jsonl")
    binary = tmp_path / "binary.jsonl"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match="cannot be read as a record"):
        read(binary)


def test_half_a_letter_of_a_targets_answer_is_stored_and_read_again(tmp_path: Path) -> None:
    record = _record()
    told = {"message_id": "m1", "text": "half \ud83d letter"}
    record.add("reply.returned", told, at_ns=0, life=1, turn=1)
    record.write(tmp_path / "record.jsonl")
    assert read(tmp_path / "record.jsonl").events == record.events


def test_a_folder_without_a_record_is_said_plainly_however_much_lies_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecordError, match=r"got a folder without one; name a file$"):
        read(tmp_path)
    far = tmp_path / "a" / "b" / "record.jsonl"
    far.parent.mkdir(parents=True)
    far.touch()
    with pytest.raises(RecordError, match=f"got a folder; name the file in it, such as {far}$"):
        read(tmp_path)
    monkeypatch.setattr(room, "LOOKED_AT_MAX", 3)
    for number in range(5):
        (tmp_path / f"0{number}").mkdir()
    with pytest.raises(RecordError, match=r"got a folder without one near its top; name a file$"):
        read(tmp_path)
