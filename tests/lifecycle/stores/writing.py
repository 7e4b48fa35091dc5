"""Another process that writes to a session: `python -m ... PLACE SESSION [free]`.

It takes one step for each line it is told, and says what is then acknowledged, a line each; `free`,
it waits for nothing. Every third step is a checkpoint.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from harness.lifecycle import (
    Checkpoint,
    Held,
    JsonlStore,
    PostgresStore,
    RedisStore,
    SessionBusy,
    SqliteStore,
    Store,
)

MAKERS: dict[str, Callable[[str], Store]] = {
    "jsonl": JsonlStore,
    "sqlite": SqliteStore,
    "postgres": PostgresStore,
    "valkey": RedisStore,
}


def store_at(line: str) -> Store:
    """The store that this line says."""
    kind, _, where = line.partition(":")
    return MAKERS[kind](where)


def main() -> None:
    line, session_id, *free = sys.argv[1:]
    try:
        held = store_at(line).open(session_id, now=lambda: 5)
    except SessionBusy:
        say("busy")
        return
    done = len(held.log.settle())
    say(f"open {done}")
    step = 0
    while free or sys.stdin.readline():
        step += 1
        done = take_step(held, step, done)


def take_step(held: Held, step: int, done: int) -> int:
    if step % 3:
        record = held.log.append("user", f"record {done}", record_id=f"m{done}")
        say(f"record {record.sequence}")
        return done + 1
    held.checkpoints.save(Checkpoint(step // 3, position=done))
    say(f"checkpoint {step // 3}")
    return done


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
