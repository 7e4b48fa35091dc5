"""S6, the part of it about neighbours: what is said in one session is not in another.

A neighbour that speaks in the same home, in a session of its own, hears nothing of this one, and
nothing of what it said is remembered or sent here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.checks.evidence.breach import Breach, shorten
from harness.checks.evidence.facts import Evidence
from harness.record import Event


def kept_apart(evidence: Evidence) -> Iterator[Breach]:
    """S6: one finding for each neighbour that hears too much, is heard, or is not served."""
    for event in evidence.of("neighbour"):
        who = f"session {shorten(str(event.data['session']))}"
        if event.data["error"] is not None:
            message = f"{who} could not be served beside this one: {event.data['error']}"
            yield Breach("S6", event.n, event.turn, message)
        elif (heard := _heard(evidence, event)) is not None:
            message = f"{who} remembers what was said in this one: {shorten(heard)}"
            yield Breach("S6", event.n, event.turn, message)
        if (leak := _leak(evidence, event)) is not None:
            message = f"what {who} said is {leak[1]}: {shorten(str(event.data['says']))}"
            yield Breach("S6", leak[0].n, leak[0].turn, message)


def _heard(evidence: Evidence, event: Event) -> str | None:
    """A message of this session that stands in what the neighbour remembers."""
    remembered = json.dumps(event.data["messages"], ensure_ascii=False)
    spoken = {sending.turn for sending in evidence.sendings if sending.start < event.n}
    texts = (turn.user for turn in evidence.plan.turns if turn.number in spoken)
    return next((text for text in texts if _quoted(text) in remembered), None)


def _leak(evidence: Evidence, event: Event) -> tuple[Event, str] | None:
    """The first request or history of this session that holds what the neighbour said."""
    said = _quoted(str(event.data["says"]))
    for later in evidence.of("request.sent", "history"):
        what = later.data["messages" if later.kind == "history" else "body"]
        if later.n > event.n and said in json.dumps(what, ensure_ascii=False):
            return later, "remembered here" if later.kind == "history" else "sent from here"
    return None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
