"""S2, the part of it about damage: a file that went bad at rest is opened, and that is said.

Said is whatever the process writes to its output: a log line, a warning. What was lost beside the
record that was hit stands in the history, and is told by P1 and S1.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.checks.evidence.breach import Breach
from harness.checks.evidence.facts import Evidence


def told_aloud(evidence: Evidence) -> Iterator[Breach]:
    """S2: damage is reported, never swallowed."""
    for event in evidence.of("damaged"):
        if event.data["loud"] is not True:
            yield Breach(
                "S2",
                event.n,
                event.turn,
                f"{event.data['path']} was damaged at rest ({event.data['what']} from byte "
                f"{event.data['offset']} on), and the process that opened it did not say a word",
                evidence.crash_before(event.n),
            )
