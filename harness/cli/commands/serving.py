"""`harness serve`: the mock Claude on a loopback port, for other processes and languages.

Delays pass in no time unless `--realtime` is given: the model's own clock moves on by them, so that
cache lifetimes and rate limits are as slow as the script says, and the client does not wait.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.cli.stop import USAGE, Stop
from harness.doors.reply import Handle, NoReply, Reply
from harness.doors.server import HOST, open_server
from harness.model.catalogue import shipped
from harness.model.ledger import LedgerRow
from harness.model.mock import MockModel
from harness.scenario.faults import Fault
from harness.scenario.load import ScenarioError, load
from harness.scenario.plan import plan
from harness.scenario.schema import Model

LEDGER_PAGE = "/__harness__/ledger"
_COLUMNS = (
    "path",
    "status",
    "error_type",
    "model",
    "messages",
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cost_usd",
)


class ServingClock:
    """The time of a server: the machine's, and every delay that was not waited for."""

    def __init__(self, realtime: bool) -> None:
        self._realtime = realtime
        self._skipped_ns = 0
        self.start_ns = time.time_ns()

    def now_ns(self) -> int:
        """Nanoseconds since 1970."""
        return time.time_ns() + self._skipped_ns

    def sleep_ns(self, delay_ns: int) -> None:
        """Let a delay pass, or skip it."""
        if self._realtime:
            time.sleep(delay_ns / 1e9)
        else:
            self._skipped_ns += delay_ns

    async def asleep_ns(self, delay_ns: int) -> None:
        """The same on the event loop."""
        if self._realtime:
            await asyncio.sleep(delay_ns / 1e9)
        else:
            self._skipped_ns += delay_ns
            await asyncio.sleep(0)


def serve(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT, then end with 0."""
    clock = ServingClock(arguments.realtime)
    model, faults = _model(arguments)

    def handle(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply | NoReply:
        return model.handle(method, path, headers, body, clock.now_ns())

    def ledger() -> bytes:
        rows = [_attempt(row, clock.start_ns, faults) for row in list(model.ledger)]
        return json.dumps({"attempts": rows}).encode()

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _open(handle, clock, arguments.port, ledger) as url:
        known = ", ".join(sorted(shipped().models))
        sys.stdout.write(f"listening on {url}\nmodels: {known}\nledger: {url}{LEDGER_PAGE}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


@contextlib.contextmanager
def _open(
    handle: Handle, clock: ServingClock, port: int, ledger: Callable[[], bytes]
) -> Iterator[str]:
    """The server; Stop where the port cannot be had."""
    with contextlib.ExitStack() as stack:
        try:
            opened = open_server(handle, clock, port=port, pages={LEDGER_PAGE: ledger})
            url = stack.enter_context(opened)
        except OSError as error:
            raise Stop(
                USAGE,
                f"harness serve: expected to listen on {HOST}:{port}, got {error.strerror}; end "
                "what listens there, name another --port, or leave it out for a free one",
            ) from error
        yield url


def _model(arguments: argparse.Namespace) -> tuple[MockModel, tuple[Fault, ...]]:
    if arguments.scenario is None:
        return MockModel(None, model=Model(), seed=arguments.seed or 0), ()
    try:
        scenario = load(arguments.scenario).scenario
    except ScenarioError as error:
        raise Stop(USAGE, str(error)) from error
    seed = scenario.seed if arguments.seed is None else arguments.seed
    model = MockModel(
        plan(scenario, seed),
        model=scenario.model,
        faults=tuple(enumerate(scenario.faults)),
        seed=seed,
    )
    return model, scenario.faults


def _attempt(row: LedgerRow, start_ns: int, faults: tuple[Fault, ...]) -> dict[str, Any]:
    attempt: dict[str, Any] = {"at_s": round((row.at_ns - start_ns) / 1e9, 6)}
    attempt |= {column: getattr(row, column) for column in _COLUMNS}
    attempt["fault"] = None if row.fault is None else faults[row.fault].kind
    return attempt
