"""A restart: what reading a conversation back costs, against how long it is.

Ours reads the tail that its checkpoint points at. The floor reads the same bytes, parses them and
pushes them into a window, with no checksum and no state. Reading all of it is shown beside, as most
libraries do. Ours and its floors are measured alternately on one log, without the fsync that
follows the reading: that is the disk's time, and the append group measures the disk.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.bench.peers.shelf import Store, offering, peer_of
from harness.bench.plan import FILL_CAP_S, GROUPS, OURS, SIZES, WINDOW_TOKENS, Case
from harness.bench.stopwatch import Capped, Stopwatch, capped
from harness.bench.talk import turns
from harness.lifecycle import CheckpointStore, ConversationCodec, MessageWindow, UsageLedger
from harness.lifecycle.storage.durable import seal
from harness.lifecycle.storage.record import Record
from harness.lifecycle.turns.transcript import Transcript

FLOOR = "bare tail read"
WHOLE = "whole log, json"
WHOLE_ORJSON = "whole log, orjson"
TAIL_TURNS = 20
"""How far back the newest checkpoint's window begins, as in a window of 6,000 tokens."""
ROUNDS = 100
UNIT = GROUPS["restore"]


def cases(*, peers: bool) -> list[Case]:
    """Ours with its floors, and the peers, at every size."""
    subjects = [OURS, *(peer.name for peer in offering("restore") if peers)]
    return [Case("restore", subject, "full", size) for subject in subjects for size in SIZES]


def records(number: int) -> Iterator[Record]:
    """What so many turns leave in the log."""
    usage = {"input_tokens": 400, "output_tokens": 80, "cache_read_tokens": 3000}
    usage |= {"cache_write_tokens": 100, "attempts": 1}
    for turn, (user, assistant) in enumerate(turns(number)):
        at = 2 * turn
        yield Record("user", user, f"m{turn}", at, at, 50, {"kind": "user"})
        meta = {
            "kind": "assistant",
            "turn": turn + 1,
            "stop_reason": "end_turn",
            "usage": usage,
            "thought": False,
            "calls": False,
            "final": True,
        }
        content = [{"type": "text", "text": assistant}]
        yield Record("assistant", content, f"r{at + 1:08d}", at + 1, at + 1, 180, meta)


def transcript() -> Transcript:
    """What a conversation knows, before it has read anything."""
    window = MessageWindow(WINDOW_TOKENS, ledger=UsageLedger(), auto=False)
    return Transcript(window, checkpoint_every=3)


def write_session(folder: Path, number: int) -> Path:
    """A session of so many turns: its log, and the checkpoint of its end; the log's path."""
    path = folder / "turns.jsonl"
    before = number - min(number, TAIL_TURNS)
    told = transcript()
    told._turns_before = told.completed = before
    offset = 0
    with path.open("wb") as log:
        for record in records(number):
            line = seal(record.as_json(1)) + b"\n"
            if record.sequence >= 2 * before:
                told.apply(Record(**{**vars(record), "offset": offset}))
            log.write(line)
            offset += len(line)
    assert told.checkpoint is not None
    CheckpointStore(folder / "checkpoint.json").save(told.checkpoint)
    return path


@contextmanager
def no_barrier() -> Iterator[None]:
    """An fsync that does nothing."""
    real = os.fsync
    setattr(os, "fsync", lambda _: None)  # noqa: B010 - a mock would cost more than the call
    try:
        yield
    finally:
        os.fsync = real


class Restart:
    """The ways to read one log back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        stored = CheckpointStore(path.with_name("checkpoint.json")).load()
        assert stored is not None
        assert stored.memory is not None
        self.stored = stored
        self.offset: int = stored.memory["offset"]
        self.sequence: int = stored.memory["sequence"]

    def ours(self) -> list[Any]:
        """As a conversation of ours does it; its window."""
        codec = ConversationCodec(self.path)
        told = transcript()
        whole = told.restore(self.stored, codec.settle(tail=(self.offset, self.sequence)))
        codec.close()
        assert whole, "the checkpoint does not fit its log"
        return told.window.as_messages()

    def tail(self) -> list[Any]:
        """As little as gives the same window."""
        window = MessageWindow(WINDOW_TOKENS)
        with self.path.open("rb") as log:
            log.seek(self.offset)
            for line in log.read().splitlines():
                record = json.loads(line)
                window.push(record["role"], record["content"])
        return window.as_messages()

    def whole(self, parse: Callable[[bytes], Any]) -> list[Any]:
        """All of it."""
        return [parse(line) for line in self.path.read_bytes().splitlines()]


def _orjson() -> Callable[[bytes], Any] | None:
    try:
        import orjson
    except ImportError:
        return None
    parse: Callable[[bytes], Any] = orjson.loads
    return parse


def _spent(work: Callable[[], Any], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return sorted(times)[len(times) // 2]


def _measure_ours(case: Case, stopwatch: Stopwatch, folder: Path) -> None:
    restart = Restart(write_session(folder, case.size))
    with no_barrier():
        assert restart.ours() == restart.tail()
        mine, floor = stopwatch.alternately(restart.ours, restart.tail, ROUNDS, time.process_time)
    stopwatch.row(mine * 1e3, UNIT, "its closing fsync apart")
    stopwatch.row(floor * 1e3, UNIT, subject=FLOOR)
    rounds = 3 if case.size >= 10_000 else 15
    stopwatch.row(_spent(lambda: restart.whole(json.loads), rounds) * 1e3, UNIT, subject=WHOLE)
    parse = _orjson()
    if parse is None:
        stopwatch.row(None, UNIT, "absent: orjson is not installed", subject=WHOLE_ORJSON)
    else:
        spent = _spent(lambda: restart.whole(parse), rounds)
        stopwatch.row(spent * 1e3, UNIT, subject=WHOLE_ORJSON)


Measure = Callable[[Store, Case, Stopwatch, str | None], None]


def measure_peer(case: Case, stopwatch: Stopwatch, folder: Path, measure: Measure) -> None:
    """Measure a library's store once it has its turns; a row says why, where it has none."""
    peer, unit = peer_of(case.subject), GROUPS[case.group]
    assert peer is not None
    stopwatch.version = peer.version
    if peer.version is None:
        stopwatch.row(None, unit, peer.absence)
        return
    if (hopeless := stopwatch.hopeless()) is not None:
        stopwatch.row(None, unit, hopeless)
        return
    room = peer.load()
    store: Store = room.store(folder)
    try:
        if _stored(store, case):
            measure(store, case, stopwatch, getattr(room, "NOTE", {}).get(case.group))
        else:
            stopwatch.fall_behind()
            why = f"capped: {case.size:,} turns were not stored within {FILL_CAP_S:.0f} s"
            stopwatch.row(None, unit, why)
    except Exception as error:  # noqa: BLE001 - a library may raise anything; its row says so
        stopwatch.row(None, unit, peer.broke(error))
    store.close()


def _stored(store: Store, case: Case) -> bool:
    """Whether it could be given its turns in time."""
    try:
        with capped(FILL_CAP_S):
            store.fill(turns(case.size))
    except Capped:
        return False
    return True


@pytest.mark.filterwarnings("ignore")
def test_restore(case: Case, stopwatch: Stopwatch, on_disk: Path) -> None:
    """Measure one subject's restart."""
    if case.subject == OURS:
        _measure_ours(case, stopwatch, on_disk)
        return
    measure_peer(case, stopwatch, on_disk, _measure_theirs)


def _measure_theirs(store: Store, case: Case, stopwatch: Stopwatch, _note: str | None) -> None:
    assert len(store.restore()) == 2 * case.size
    stopwatch.turns(lambda: _often(store.restore), UNIT, scale=1e3, fresh=False)
    tail = getattr(store, "tail", None)
    if tail is not None:
        spent = _spent(tail, 15)
        stopwatch.row(spent * 1e3, UNIT, subject=f"{case.subject}, newest {len(tail())}")


def _often(work: Callable[[], Any]) -> Callable[[int], None]:
    def run(number: int) -> None:
        for _ in range(number):
            work()

    return run
