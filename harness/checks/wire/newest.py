"""W3: what a request must hold whatever was trimmed: the newest user message, what was pinned, and
the pairs of the turn's tool calls.

The newest message is there word for word; one that alone would fill much of the budget may have
been shortened, but its beginning or its end stands. Every call of the script's that this process
has made in the turn is there with its result. A request that the API rejected is W1's; what is
asked before the turn's message has come, to this process or to what it remembers, is an older
turn's, which a recovery finishes; one that
asks for something else (a summary, say) is not held to this, as long as the turn asks the model
with its message as well. What the script pins stays in every request after its answer was
delivered, where the target has pins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.checks.evidence.breach import Breach, counted
from harness.checks.evidence.facts import Answer, Evidence
from harness.checks.evidence.known import once_for_each
from harness.checks.wire.requests import REJECTED

SHOWN_CHARACTERS = 40
"""How much of a shortened message must still be there, at one of its ends."""
SYSTEM_CHARACTERS_A_TOKEN = 3


def newest_kept(evidence: Evidence) -> Iterator[Breach]:
    """W3: one finding for messages left out, one for pairs that were torn or left out."""
    asked: dict[int, list[Answer]] = {}
    came = {sending.turn: sending.start for sending in reversed(evidence.sendings)}
    for row in evidence.answers:
        if row.turn is None or row.event < came.get(row.turn, row.event + 1):
            continue
        if not _has_come(evidence, row, row.turn):
            continue
        if row.is_message and row.status not in REJECTED:
            asked.setdefault(row.turn, []).append(row)
    without: list[Answer] = []
    for turn, rows in asked.items():
        missing = [row for row in rows if not _holds_message(evidence, row, turn)]
        aside = len(missing) < len(rows)
        without += [row for row in missing if row.step is not None or not aside]
    if without:
        yield _breach(
            evidence, without, f"{counted(len(without), 'request')} without the newest user message"
        )
    yield from _pins_kept(
        evidence, [r for rows in asked.values() for r in rows if r not in without]
    )
    torn = [row for rows in asked.values() for row in rows if _lacks_pairs(evidence, row)]
    torn = [row for row in torn if row not in without]
    if torn:
        yield _breach(
            evidence,
            torn,
            f"{counted(len(torn), 'request')} without the turn's tool calls and their results",
        )


def _has_come(evidence: Evidence, row: Answer, turn: int) -> bool:
    """Whether the process that asks was given the turn's message, or said that it remembers it."""
    if any(each.life == row.life and each.start < row.event for each in evidence.sendings):
        return True
    told = [event for event in evidence.of("history") if event.life == row.life]
    said = evidence.plan.turn(turn).user.strip()
    return not told or any(
        said in str(block.get("text"))
        for memory in evidence.memories
        if memory.event == told[0].n
        for message in memory.messages
        if message.role == "user"
        for block in _blocks({"content": message.content})
    )


def _pins_kept(evidence: Evidence, rows: list[Answer]) -> Iterator[Breach]:
    pinned = [turn.number for turn in evidence.plan.turns if turn.pinned]
    if not pinned or "pins" not in evidence.capabilities:
        return
    since = {each.turn: each.event for each in reversed(evidence.delivered)}
    lost = [
        row
        for row in rows
        if row.turn is not None and _holds_message(evidence, row, row.turn)
        for turn in pinned
        if row.event > since.get(turn, row.event) and not _holds_message(evidence, row, turn)
    ]
    if lost:
        yield _breach(evidence, lost, f"{counted(len(lost), 'request')} without a pinned message")


def _breach(evidence: Evidence, rows: list[Answer], what: str) -> Breach:
    first = min(rows, key=lambda row: row.event)
    return Breach(
        "W3",
        first.event,
        first.turn,
        f"{what}, the first in turn {first.turn}: whatever else is trimmed, these must stay",
        evidence.crash_in(first.turn, first.event),
    )


def _holds_message(evidence: Evidence, row: Answer, turn: int) -> bool:
    said = evidence.plan.turn(turn).user.strip()
    shown = _shown(evidence.bodies[row.request])
    if said in shown:
        return True
    if len(said.encode("utf-8", "replace")) <= _room(evidence, row):
        return False
    return said[:SHOWN_CHARACTERS] in shown or said[-SHOWN_CHARACTERS:] in shown


@once_for_each
def _shown(body: object) -> str:
    """All that a request says as the user."""
    return "\n".join(
        str(block.get("text"))
        for message in _messages(body)
        if message.get("role") == "user"
        for block in _blocks(message)
        if block.get("type") == "text"
    )


def _room(evidence: Evidence, row: Answer) -> float:
    """Bytes of a message that never need shortening: at a byte a token it would fit."""
    stack = evidence.scenario.stack
    budget = stack.window_tokens or row.context_window
    return budget - len(stack.system or "") / SYSTEM_CHARACTERS_A_TOKEN


def _lacks_pairs(evidence: Evidence, row: Answer) -> bool:
    if row.turn is None or row.step is None:
        return False
    scripted = {call.id for call in evidence.plan.turn(row.turn).calls}
    done = scripted & {
        str(event.data["call_id"])
        for event in evidence.of("tool.done")
        if event.turn == row.turn and event.life == row.life and event.n < row.event
    }
    if not done:
        return False
    body = evidence.bodies[row.request]
    blocks = [block for each in _messages(body) for block in _blocks(each)]
    calls = {block.get("id") for block in blocks if block.get("type") == "tool_use"}
    results = {block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"}
    return not done <= (calls & results)


def _messages(body: Any) -> list[dict[str, Any]]:
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return []
    messages = body.get("messages", []) if isinstance(body, dict) else []
    return [message for message in messages if isinstance(message, dict)]


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or [] if isinstance(block, dict)]
