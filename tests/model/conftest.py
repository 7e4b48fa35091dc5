"""A desk at which requests are put to a MockModel without any door, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from harness.doors.reply import NoReply, Reply
from harness.model.ledger import LedgerRow
from harness.model.mock import MockModel
from harness.scenario.plan import Plan, plan
from harness.scenario.schema import Scenario

HEADERS = {
    "x-api-key": "test",
    "anthropic-version": "2026-10-21",
    "content-type": "application/json",
}
SECOND_NS = 1_000_000_000


class Answer(NamedTuple):
    """What came back: the status, the JSON of the body (of an unstreamed reply), the row."""

    status: int
    body: Any
    reply: Reply | NoReply
    row: LedgerRow

    @property
    def kind(self) -> str:
        """The error's type."""
        kind: str = self.body["error"]["type"]
        return kind

    @property
    def said(self) -> str:
        """All text of the reply."""
        return "".join(block.get("text", "") for block in self.body["content"])

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The reply's content."""
        blocks: list[dict[str, Any]] = self.body["content"]
        return blocks


class Desk:
    """Puts requests to a model; `now_ns` is the virtual time."""

    def __init__(self, script: Sequence[Any] | None, settings: Mapping[str, Any]) -> None:
        fields = dict(settings)
        faults = fields.pop("faults", ())
        model = {
            key: fields.pop(key)
            for key in ("name", "context_window", "first_token", "tokens_per_second")
            if key in fields
        }
        self.scenario = Scenario.model_validate(
            {
                "name": "a desk",
                "model": model,
                "script": script or [{"user": "unspoken", "reply": {"text": "unspoken"}}],
                "faults": list(faults),
            }
        )
        self.plan: Plan | None = plan(self.scenario, 7) if script is not None else None
        self.now_ns = 0
        self.model = MockModel(
            self.plan,
            model=self.scenario.model,
            faults=list(enumerate(self.scenario.faults)),
            seed=7,
            **fields,
        )
        self.name = self.scenario.model.name

    def send(
        self,
        body: bytes,
        *,
        path: str = "/v1/messages",
        method: str = "POST",
        headers: Mapping[str, str] = HEADERS,
    ) -> Answer:
        """Any bytes at all."""
        reply = self.model.handle(method, path, headers, body, self.now_ns)
        row = self.model.ledger[-1]
        if isinstance(reply, NoReply):
            return Answer(0, None, reply, row)
        data = b"".join(frame.data for frame in reply.frames)
        sized = reply.headers["content-type"] == "application/json" and reply.end == "ok"
        return Answer(reply.status, json.loads(data) if sized else data, reply, row)

    def post(self, messages: Any, *, headers: Mapping[str, str] = HEADERS, **fields: Any) -> Answer:
        """A request to the scenario's model; a field given as None is left out."""
        path = fields.pop("path", "/v1/messages")
        body = {"model": self.name, "max_tokens": 1000, "messages": messages, **fields}
        kept = {key: value for key, value in body.items() if value is not None}
        return self.send(json.dumps(kept).encode(), path=path, headers=headers)

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.now_ns += int(seconds * SECOND_NS)


@pytest.fixture
def desk() -> Callable[..., Desk]:
    """Make a desk: `desk(script, name=..., context_window=..., faults=..., rules_off=...)`."""

    def make(script: Sequence[Any] | None = None, **settings: Any) -> Desk:
        return Desk(script, settings)

    return make
