"""A neighbour: somebody else's session in the same home, in a process of its own.

It says one thing, is asked what it remembers, and goes. The model that answers it is a copy, and
its record is its own: what it costs and does is not this session's, what it remembers is on record.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from harness.lab.lives import Lives, Over
from harness.lab.stage import Stage
from harness.model.mock import MockModel
from harness.record import Header, Record
from harness.scenario.faults import Neighbour
from harness.world.process import Outcome, Raised, Returned
from harness.world.tools import ToolShed


def call_in(neighbour: Neighbour, lives: Lives, model: MockModel) -> dict[str, Any]:
    """Let it speak; what it remembers then, and the error where it could not be served."""
    ground = dataclasses.replace(
        lives.ground,
        session_id=neighbour.session,
        order={**lives.ground.order, "tools": []},
        keep=None,
    )
    record = Record(Header("", {}, "", "", 0, "none"))
    theirs = Lives(ground, Stage(record, ground.clock, model.copy(), ToolShed({}), []), None)
    told: dict[str, Any] = {"session": neighbour.session, "says": neighbour.says}
    try:
        theirs.open()
        said = {"message_id": f"n{neighbour.turn:05d}", "text": neighbour.says}
        outcomes = [theirs.ask("send", **said), theirs.ask("history"), theirs.ask("close")]
    except Over:
        failed = next(record.of("open.failed", "limit", "died"), None)
        return {**told, "error": str((failed.data if failed else {}).get("error")), "messages": []}
    finally:
        theirs.kill()
    return {**told, "error": _error(outcomes), "messages": _value(outcomes[1])}


def _error(outcomes: list[Outcome]) -> str | None:
    return next((one.error for one in outcomes if isinstance(one, Raised)), None)


def _value(outcome: Outcome) -> Any:
    return outcome.value if isinstance(outcome, Returned) else []
