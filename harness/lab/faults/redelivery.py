"""A redelivery: a message of long ago arrives once more, under the id that it had.

It comes to a process of its own, as a queue's worker is started for what is left: the one before
closes, this one opens the session, and hears nothing before the old message. That was answered
then, so nobody waits for what comes back now: answered from memory or refused in words, both will
do. What the target asks and does meanwhile is on record, under the old turn.
"""

from __future__ import annotations

from harness.lab.lives import Lives
from harness.lab.stage import Stage
from harness.scenario.plan import Turn
from harness.world.process import Died, Killed, Raised, Returned


def deliver_again(turn: Turn, lives: Lives, stage: Stage) -> None:
    """Send an old turn's message to a new life; one that ends over it is followed by another."""
    lives.relieve()
    stage.record("redelivered", message_id=turn.message_id, of=turn.number)
    outcome = lives.ask("send", message_id=turn.message_id, text=turn.user)
    answer = outcome.value if isinstance(outcome, Returned) else None
    error = outcome.error if isinstance(outcome, Raised) else None
    stage.record("redelivery.over", answer=answer, error=error)
    if isinstance(outcome, Died | Killed):
        lives.reopen()
