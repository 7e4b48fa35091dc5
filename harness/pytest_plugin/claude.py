"""A Claude for one test: the strict mock behind the respx door, in the test's own process.

Every `anthropic` client in the process meets it, whoever built it; nothing else leaves. What it
says is a scenario's script, chosen from the history it is sent, and small talk without one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from harness.doors.reply import NoReply, Reply
from harness.doors.respx_door import open_door
from harness.model.ledger import LedgerRow
from harness.model.mock import MockModel
from harness.pytest_plugin.clock import VirtualClock
from harness.scenario import schema
from harness.scenario.faults import Http, Stream
from harness.scenario.plan import plan
from harness.scenario.schema import Scenario

_SILENT = Scenario(name="nothing is scripted", script=(schema.Wait(wait="1s"),))


class MockClaude:
    """What the `mock_claude` fixture gives. `ledger` has a row for each attempt, oldest first."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.refused: list[str] = []
        """URLs of other hosts that something tried to reach."""
        self.script(_SILENT)

    @property
    def ledger(self) -> Sequence[LedgerRow]:
        """What was asked, answered and billed since the script was set."""
        return self._model.ledger

    def script(self, scenario: Scenario) -> None:
        """Answer from this scenario's script from now on, its faults and model included."""
        self._model = MockModel(
            plan(scenario, scenario.seed) if scenario is not _SILENT else None,
            model=scenario.model,
            faults=[
                (index, fault)
                for index, fault in enumerate(scenario.faults)
                if isinstance(fault.what, Http | Stream)
            ],
            seed=scenario.seed,
            start_ns=self.clock.now_ns - self.clock.elapsed_ns,
        )

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | NoReply:
        """Answer one request at the door."""
        return self._model.handle(method, path, headers, body, self.clock.elapsed_ns)


@contextlib.contextmanager
def open_claude(clock: VirtualClock) -> Iterator[MockClaude]:
    """The door is open within the block."""
    claude = MockClaude(clock)
    with open_door(claude.handle, clock, refuse=claude.refused.append):
        yield claude
