"""A turn: one user message, sent until it is answered or given up.

The user sends a message again that was cut off by a crash, at once, and one that failed, after a
minute and at most three times. What the user has not seen answered was not answered.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.lab.faults.fork import fork
from harness.lab.lives import PATIENCE_NS, Lives
from harness.lab.stage import Stage
from harness.scenario.plan import Turn
from harness.scenario.units import UNITS_NS
from harness.world.clock import VirtualClock
from harness.world.process import Died, Raised, Returned

FAILURES_PER_TURN_MAX = 3
TURN_LIMIT_NS = 48 * UNITS_NS["h"]


def enter(turn: int | None, lives: Lives, stage: Stage, clock: VirtualClock) -> None:
    """What happens from now on belongs to this turn, and is bounded."""
    stage.turn = turn
    lives.this_turn = 0
    clock.deadline_ns = clock.elapsed_ns + TURN_LIMIT_NS


def take(turn: Turn, lives: Lives, stage: Stage, clock: VirtualClock, sending: int = 0) -> bool:
    """Whether it was delivered in the end; `sending` times it was received before."""
    failures = 0
    said = {"message_id": turn.message_id, "text": turn.user}
    while failures < FAILURES_PER_TURN_MAX:
        sending += 1
        if stage.dies_at("user.received"):
            lives.crash(None)
            _go_on(said, lives, stage)
            continue
        stage.record("user.received", said, sending=sending)
        pin = {"pin": True} if turn.pinned and "pins" in stage.capabilities else {}
        outcome = lives.ask("send", **said, **pin)
        if isinstance(outcome, Returned):
            if _delivered(turn, outcome, lives, stage):
                return True
            _go_on(said, lives, stage)
        elif isinstance(outcome, Raised):
            failures += 1
            lives.failed("send.failed", outcome, message_id=turn.message_id)
            clock.advance(PATIENCE_NS)
        elif isinstance(outcome, Died):
            failures += 1
            lives.reopen()
        else:
            _go_on(said, lives, stage)
    return False


def _go_on(said: Mapping[str, str], lives: Lives, stage: Stage) -> None:
    """A new life after a crash; a second one, apart, shows whether it could have gone otherwise."""
    if lives.forks:
        fork(lives, lives.ground, stage, said)
    lives.reopen()


def _delivered(turn: Turn, outcome: Returned, lives: Lives, stage: Stage) -> bool:
    """Whether the user saw the answer; it may be lost on the last few centimetres."""
    answer = {"message_id": turn.message_id, "text": outcome.value}
    if stage.dies_at("reply.returned"):
        lives.crash(None)
        return False
    stage.record("reply.returned", answer)
    if stage.dies_at("reply.delivered"):
        lives.crash(None)
        return False
    stage.record("reply.delivered", answer)
    if stage.counts_reads:
        read = lives.ask("read_bytes")
        if isinstance(read, Returned):
            stage.record("read", bytes=read.value)
    return True
