"""Another process that writes to a session, forked from one that has imported everything.

It takes one step for each word it is told, and says what is then acknowledged; `free`, it waits for
nothing. Every third step is a checkpoint. One that `talks` has a conversation, turn after turn.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from harness.lifecycle import (
    Checkpoint,
    Conversation,
    Held,
    JsonlStore,
    PostgresStore,
    RedisStore,
    SessionBusy,
    SqliteStore,
    Store,
)
from tests.lifecycle.fake_claude import FakeClaude, says

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "psycopg", "redis", "redis.retry", "redis.backoff"])
_PATIENCE_S = 60.0
_MAKERS: dict[str, Callable[[str], Store]] = {
    "jsonl": JsonlStore,
    "sqlite": SqliteStore,
    "postgres": PostgresStore,
    "valkey": RedisStore,
}


def store_at(line: str) -> Store:
    """The store that this line says."""
    kind, _, where = line.partition(":")
    return _MAKERS[kind](where)


class Writer:
    """The process seen from here, and what it has acknowledged."""

    def __init__(self, line: str, session_id: str, *, free: bool, talks: bool = False) -> None:
        self.heard: list[str] = []
        self._ours, theirs = _CONTEXT.Pipe()
        work, more = (_talk, ()) if talks else (_write, (free,))
        self._process = _CONTEXT.Process(target=work, args=(theirs, line, session_id, *more))
        self._process.start()
        theirs.close()

    def hear(self) -> str:
        """The next thing that it says."""
        assert self._ours.poll(_PATIENCE_S), "the writer says nothing"
        self.heard.append(self._ours.recv())
        return self.heard[-1]

    def step(self) -> str:
        """Let it take one step."""
        self._ours.send("step")
        return self.hear()

    def kill(self) -> None:
        """SIGKILL; then hear what it had still said."""
        self._process.kill()
        self._process.join()
        try:
            while self._ours.poll():
                self.heard.append(self._ours.recv())
        except (EOFError, ConnectionResetError):
            return

    def close(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self._ours.close()

    def acknowledged(self, kind: str) -> int:
        """How many of one kind."""
        return sum(words.startswith(f"{kind} ") for words in self.heard)


@contextmanager
def writing(
    line: str, session_id: str, *, free: bool = False, talks: bool = False
) -> Iterator[Writer]:
    """A writer, gone at the end."""
    writer = Writer(line, session_id, free=free, talks=talks)
    try:
        yield writer
    finally:
        writer.close()


def _write(channel: Connection, line: str, session_id: str, free: bool) -> None:
    try:
        held = store_at(line).open(session_id, now=lambda: 5)
    except SessionBusy:
        channel.send("busy")
        return
    done = len(held.log.settle())
    channel.send(f"open {done}")
    step = 0
    while free or channel.recv():
        step += 1
        done = _take_step(channel, held, step, done)


def _talk(channel: Connection, line: str, session_id: str) -> None:
    client = FakeClaude(lambda request: says("Answered."))
    conversation = Conversation.open(
        "unused", session_id, client=client, store=store_at(line), now=lambda: 5
    )
    turn = sum(said.role == "assistant" for said in conversation.history())
    channel.send(f"open {turn}")
    while True:
        turn += 1
        conversation.send(f"m{turn}", f"question {turn}")
        channel.send(f"turn {turn}")


def _take_step(channel: Connection, held: Held, step: int, done: int) -> int:
    if step % 3:
        record = held.log.append("user", f"record {done}", record_id=f"m{done}")
        channel.send(f"record {record.sequence}")
        return done + 1
    held.checkpoints.save(Checkpoint(step // 3, position=done))
    channel.send(f"checkpoint {step // 3}")
    return done
