"""The `*.stored` boundaries, on logs, databases and files that are written anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lab.faults.stored import Stretch, stores
from harness.record import Record
from harness.scenario.schema import Scenario
from harness.world.process import Server
from harness.world.syscalls.operations import Operation
from tests.lab.playing import play, scenario_of
from tests.servers import a_server

STACKS = Path(__file__).with_name("stacks.py")
WORDS = b'{"role": "assistant", "content": "Good m\\u00f6rning"}'


def write(path: str, data: bytes = b"...") -> Operation:
    return Operation("write", "write", path, file=1, data=data)


def do(kind: str, path: str, to: str | None = None) -> Operation:
    return Operation(kind, kind, path, to=to)  # type: ignore[arg-type]


LOG = [write("log", WORDS), do("fsync", "log")]
REPLACED = [
    do("create", "saved.tmp"),
    write("saved.tmp"),
    do("fsync", "saved.tmp"),
    do("rename", "saved.tmp", "saved"),
    do("fsync", "."),
]
COMMIT = [write("db-wal"), write("db-wal", WORDS), do("fsync", "db-wal")]
ROLLBACK = [
    do("create", "db-journal"),
    write("db-journal"),
    do("fsync", "db-journal"),
    write("db", WORDS),
    do("fsync", "db"),
    do("unlink", "db-journal"),
]


@pytest.mark.parametrize(
    ("operations", "ends"),
    [
        (LOG, (2,)),
        ([*LOG, write("log"), *REPLACED], (2, 3, 8)),
        (COMMIT + COMMIT, (3, 6)),
        (ROLLBACK, (3, 6)),
        ([write("log"), write("log"), write("saved"), write("log")], (2, 3, 4)),
        ([do("fsync", "log")], ()),
    ],
)
def test_a_store_goes_on_to_its_barrier_or_to_the_next_file(
    operations: list[Operation], ends: tuple[int, ...]
) -> None:
    assert stores(operations) == ends
    moved = [write("earlier"), *operations]
    assert stores(moved, 1) == tuple(end + 1 for end in ends)


@pytest.mark.parametrize(
    ("operations", "reply", "checkpoint"),
    [
        (LOG, 2, None),
        (LOG + REPLACED, 2, 7),
        (COMMIT + COMMIT, 3, 6),
        (ROLLBACK, 6, None),
        ([write("index"), do("fsync", "index"), *LOG, *REPLACED], 4, 9),
        ([write("log", b"sealed"), do("fsync", "log"), *REPLACED], 2, 7),
        ([], None, None),
    ],
)
def test_the_reply_is_stored_where_its_words_are_and_the_checkpoint_after_it(
    operations: list[Operation], reply: int | None, checkpoint: int | None
) -> None:
    stretch = Stretch("reply.received", 0, ("Good mörning",))

    def moment(at: str, until: str = "reply.returned", checkpoints: bool = True) -> int | None:
        return stretch.moment(at, until, operations, checkpoints=checkpoints)

    assert moment("reply.stored") == reply
    assert moment("checkpoint.stored") == checkpoint
    assert moment("checkpoint.stored", until="request.sent") is None
    assert moment("checkpoint.stored", checkpoints=False) is None
    assert moment("user.stored") is None


@pytest.fixture(scope="module", params=["lifecycle", f"{STACKS}:Rows", "naive"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    server = a_server(request.param, tmp_path_factory.mktemp("lives"))
    yield server
    server.close()


def _history_after(record: Record) -> str:
    after = [event for event in record.of("history") if event.data["after_crash"] == 1]
    return str(after[0].data["messages"])


def _scenario(at: str, turn: int) -> Scenario:
    return scenario_of(stack={"checkpoint_every": 1}, faults=[{"crash": {"turn": turn, "at": at}}])


@pytest.mark.parametrize(("at", "said"), [("user.stored", "hello"), ("reply.stored", "hi")])
def test_what_is_stored_is_there_after_the_crash_on_any_stack(
    stack: Server, tmp_path: Path, at: str, said: str
) -> None:
    record = play(stack, tmp_path / "home", _scenario(at, 1))
    (crash,) = record.of("crashed")
    assert crash.data["at"] == at
    before = {event.kind for event in record.events[: crash.n]}
    assert "reply.returned" not in before
    assert ("request.sent" in before) is (at == "reply.stored")
    assert said in _history_after(record)
    assert next(record.of("ended"))


def test_a_stored_result_is_not_fetched_again_by_a_stack_that_looks(tmp_path: Path) -> None:
    server = a_server("lifecycle", tmp_path)
    record = play(server, tmp_path / "home", _scenario("result.stored", 2))
    server.close()
    (crash,) = record.of("crashed")
    assert crash.data["where"] == "fsync session-1/turns.jsonl"
    assert [event.n < crash.n for event in record.of("tool.effect")] == [True]


@pytest.mark.parametrize(("at", "saved"), [("reply.stored", None), ("checkpoint.stored", 1)])
def test_between_log_and_checkpoint_there_is_a_place_to_die(
    tmp_path: Path, at: str, saved: int | None
) -> None:
    server = a_server("naive", tmp_path)
    record = play(server, tmp_path / "home", _scenario(at, 1))
    server.close()
    (crash,) = record.of("crashed")
    where = {None: "write session-1.jsonl", 1: "write checkpoint.json"}[saved]
    assert crash.data["where"] == where
    assert next(record.of("checkpoint")).data["turn_number"] == saved


def test_a_power_cut_may_fall_where_something_was_stored(tmp_path: Path) -> None:
    server = a_server("naive", tmp_path)
    faults = [{"crash": {"turn": 2, "at": "reply.stored", "disk": "ext4"}}]
    record = play(server, tmp_path / "home", scenario_of(faults=faults))
    server.close()
    (crash,) = record.of("crashed")
    assert crash.data["tier"] == "ext4"
    assert "hi" not in _history_after(record), "nothing was synced"
