"""From a session's messages to a scenario: it lives through them, and breaks where they broke.

A session cannot be handed to any stack as a file: each keeps its own. So the conversation is played
again, turn by turn, and where the file stops short (a message without an answer, a call without a
result, a torn line) the process dies at the boundary that leaves just that. Then the user writes
once more: what a broken session does to the next turn is what one wants to see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.lab.importer.read import ImportRefused, Said, Session, unsayable
from harness.scenario.document import BYTES_MAX, ScenarioError, parse
from harness.scenario.load import scenario_of
from harness.scenario.schema import Scenario
from harness.scenario.write import text

TURNS_MAX = 10_000
LINES_SHOWN = 10
"""So many lines, and so many oddities, are told."""
GO_ON = "Please go on."
_SAME_TOOL = re.compile(r"[^A-Za-z0-9_-]")
_UNSEEN: dict[str, Any] = {"words": [20, 60]}
"""What stands for an answer that the file does not hold."""


@dataclass
class _Exchange:
    """A user's message and what came of it, as far as the file tells."""

    user: str
    line: int
    steps: list[dict[str, Any]] = field(default_factory=list)
    open_calls: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Calls that have no result yet: their ids, which call of the turn each is, from 1, and its
    line."""
    calls: int = 0
    sent: int = 1

    @property
    def answered(self) -> bool:
        """Whether it came to an end: the last step calls nothing."""
        return bool(self.steps) and not {"tool", "tools"} & set(self.steps[-1])


def relive(session: Session, source: str) -> Scenario:
    """The scenario of a session; `source` is what to call the file."""
    exchanges, returns, odd = _read(session.messages)
    if not exchanges:
        raise ImportRefused(
            f"{source}: expected a message that a user wrote, got answers and results only "
            f"({_lines_told([message.line for message in session.messages])}); give the file from "
            "where the conversation begins"
        )
    exchanges = exchanges[-TURNS_MAX:]
    faults = list(_faults(session, exchanges))
    lines = [_line(exchange) for exchange in exchanges]
    told = [*_told(session, exchanges), *_left_out(session), *odd[:LINES_SHOWN]]
    counted = "1 turn" if len(exchanges) == 1 else f"{len(exchanges)} turns"
    return Scenario.model_validate(
        {
            "name": f"what became of {session.name}",
            "about": f"Imported from {source}, {counted}. " + " ".join(told),
            "tools": {name: {"returns": value} for name, value in returns.items()},
            "script": [*lines, {"user": GO_ON, "reply": {"text": "Of course."}}],
            "faults": faults,
        }
    )


def written(scenario: Scenario, source: str) -> str:
    """The scenario as the text of a file that `harness run` reads; ImportRefused where none can."""
    # YAML is made at two megabytes a second at best: what is too long anyway is not made first.
    if _characters(scenario.dump()) <= BYTES_MAX:
        made = text(scenario)
        if len(made.encode()) <= BYTES_MAX:
            try:
                scenario_of(parse(made, source))
            except ScenarioError as error:
                told = str(error).partition(": expected ")[2]
                raise ImportRefused(
                    f"{source}: expected what a scenario can hold, got something else: {told}"
                ) from error
            return made
    raise ImportRefused(
        f"{source}: expected a conversation of at most {BYTES_MAX // 2**20} MB as a scenario, got "
        "more; give the messages around the break, or shorten the longest"
    )


def _characters(value: object) -> int:
    """How many characters its texts have: no file that holds it has fewer bytes."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(_characters, value)) if isinstance(value, list | tuple) else 0


def _read(messages: Sequence[Said]) -> tuple[list[_Exchange], dict[str, Any], list[str]]:
    """The exchanges, what each tool returned first, and what no script can say again."""
    exchanges: list[_Exchange] = []
    returns: dict[str, Any] = {}
    names: dict[str, str] = {}
    odd: list[str] = []
    for message in messages:
        last = exchanges[-1] if exchanges else None
        if message.role == "user":
            _take_results(message, last, names, returns, odd)
            if message.text:
                _hear(message, exchanges)
        elif last is None:
            odd.append(
                f"Line {message.line}, an answer before any question, is left out: a script begins "
                "with what the user says."
            )
        else:
            _answer(message, last, names, returns)
    return exchanges, returns, odd


def _hear(message: Said, exchanges: list[_Exchange]) -> None:
    """A user's text; the same one again without an answer between was sent again."""
    last = exchanges[-1] if exchanges else None
    if last is not None and not last.steps and last.user == message.text:
        last.sent += 1
        return
    exchanges.append(_Exchange(message.text, message.line))


def _take_results(
    message: Said,
    last: _Exchange | None,
    names: dict[str, str],
    returns: dict[str, Any],
    odd: list[str],
) -> None:
    for result in message.results:
        call_id = str(result.get("tool_use_id"))
        if call_id not in names:
            odd.append(f"Line {message.line} answers a call that is not in the file: {call_id}.")
            continue
        if last is not None:
            last.open_calls.pop(call_id, None)
        value = _value(result.get("content"))
        if returns.get(names[call_id]) is None:
            returns[names[call_id]] = value


def _answer(message: Said, last: _Exchange, names: dict[str, str], returns: dict[str, Any]) -> None:
    step: dict[str, Any] = {}
    if message.text:
        step["text"] = message.text
    called = []
    for call in message.calls:
        name = _SAME_TOOL.sub("_", str(call.get("name") or "tool"))
        given = call.get("input")
        called.append({"tool": name, "input": given if isinstance(given, dict) else {}})
        returns.setdefault(name, None)
        names[str(call.get("id"))] = name
        last.calls += 1
        last.open_calls[str(call.get("id"))] = (last.calls, message.line)
    if len(called) == 1:
        step |= called[0]
    elif called:
        step["tools"] = called
    if step:
        last.steps.append(step)


def _value(content: object) -> Any:
    """A tool's result as a value: JSON where its text is that and a scenario holds it, else the
    text."""
    if isinstance(content, list):
        texts = [str(part.get("text", "")) for part in content if isinstance(part, dict)]
        content = "\n".join(texts)
    if not isinstance(content, str):
        return content
    try:
        # NaN and infinity are no JSON, though Python reads them.
        value = json.loads(content, parse_constant=lambda name: float(f"no {name}"))
    except (ValueError, RecursionError):
        return content
    return content if unsayable(value) else value


def _line(exchange: _Exchange) -> dict[str, Any]:
    steps = exchange.steps if exchange.answered else [*exchange.steps, _UNSEEN]
    return {"user": exchange.user, "reply": steps[0] if len(steps) == 1 else steps}


def _faults(session: Session, exchanges: Sequence[_Exchange]) -> Iterator[dict[str, Any]]:
    for turn, exchange in enumerate(exchanges, 1):
        last = turn == len(exchanges)
        if exchange.answered and not exchange.open_calls:
            if last and session.torn:
                yield {"crash": {"turn": turn, "at": "reply.received"}}
            continue
        if exchange.open_calls:
            first, _ = min(exchange.open_calls.values())
            yield {"tool": {"turn": turn, "crash": "after_effect", "call": first}}
        else:
            at = "reply.received" if last and session.torn else "request.sent"
            yield {"crash": {"turn": turn, "at": at}}


def _told(session: Session, exchanges: Sequence[_Exchange]) -> Iterator[str]:
    """What was found wrong, a sentence each, and how the scenario brings it about."""
    sound = True
    for turn, exchange in enumerate(exchanges, 1):
        if exchange.open_calls:
            ids = ", ".join(exchange.open_calls)
            where = _lines_told(sorted({line for _, line in exchange.open_calls.values()}))
            yield f"Turn {turn} ({where}) calls {ids} without a result: it dies there."
        elif not exchange.answered:
            sent = f", sent {exchange.sent} times" if exchange.sent > 1 else ""
            yield f"Turn {turn} (line {exchange.line}) has no answer{sent}: it dies there."
        else:
            continue
        sound = False
    if session.damaged:
        several = len(session.damaged) > 1
        where = (
            "the end is torn" if session.torn else f"{'they are' if several else 'it is'} left out"
        )
        told = _lines_told(session.damaged)
        holds = "hold" if several else "holds"
        yield f"{told[0].upper()}{told[1:]} of the file {holds} no message: {where}."
    elif sound:
        yield "Nothing is wrong with its shape."


def _left_out(session: Session) -> Iterator[str]:
    """Messages that nobody says in a script, and why."""
    for role, lines in session.others.items():
        told = _lines_told(lines)
        why = "a script holds what users and assistants say"
        if role in ("system", "developer"):
            why += ", what a stack is told is `stack: {system: ...}`"
        left = "is left out" if len(lines) == 1 else "are left out"
        yield f"{told[0].upper()}{told[1:]} (role {role}) {left}: {why}."


def _lines_told(lines: Sequence[int]) -> str:
    """`line 3`, `lines 3, 4`, and no more than so many."""
    shown = ", ".join(map(str, lines[:LINES_SHOWN]))
    more = f" and {len(lines) - LINES_SHOWN} more" if len(lines) > LINES_SHOWN else ""
    return f"line{'' if len(lines) == 1 else 's'} {shown}{more}"
