"""W5: the target's own books agree with the API's ledger, lost replies included.

What it can know of a reply that reached it in full, and that it lived on after, is everything: that
must be in the books, in every later life, once. Of a reply that was cut, or after which the process
died at once, it may know all, some or nothing. Of a reply that never came it knows nothing: its
tokens are in no books. Books that are opened midway, as after a first of two crashes, are held to
what had been asked until then. A power cut may take what had not been acknowledged, damage to a
file any bill before it; what was asked aside, such as a summary, may stand in other books.

Attempts, where the target counts them: every request that the API answered, whatever it answered,
and that the process lived on after or was killed over (who writes down that he asks, before he
asks, knows of it), but for what a client tried by itself in the very call that it died in. At most
every request that left, and one more for each death (it may have written down that it asks, and
died before asking). In a turn whose disk failed, the replies that it had are enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from harness.checks.evidence.breach import Breach
from harness.checks.evidence.facts import Evidence
from harness.record import Event

KINDS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
}
"""What the target calls it, and the ledger."""
_NO_STEP = ("disk", "fault.fired", "reply.started", "reply.received", "model.answered")
_ENDS = ("crashed", "died", "limit")
_ASKING = (*_NO_STEP, "request.sent")


@dataclass(frozen=True)
class _Row:
    """One attempt, and how much of it the target must know: all, perhaps, or nothing.

    `tried`: it must know at least that it asked.
    """

    n: int
    data: Mapping[str, Any]
    must: bool
    may: bool
    tried: bool


def books_agree(evidence: Evidence) -> Iterator[Breach]:
    """W5: one finding, about the first kind of token that is wrong, with both sides."""
    rows = list(_rows(evidence))
    for books in evidence.of("usage"):
        crashes = sum(crash.event < books.n for crash in evidence.crashes)
        before = [row for row in rows if row.n < books.n]
        wrong = [told for told in _compared(books, before, crashes) if told is not None]
        if wrong:
            told = f"the target's own books say {wrong[0]}"
            yield Breach("W5", books.n, None, told, evidence.crash_before(books.n))


def _compared(books: Event, rows: Sequence[_Row], crashes: int) -> Iterator[str | None]:
    """The kinds of token, then the attempts, of books and of what was asked before they were."""
    for ours, theirs in KINDS.items():
        least = sum(row.data[theirs] for row in rows if row.must)
        most = least + sum(row.data[theirs] for row in rows if row.may and not row.must)
        yield _between(books, ours, least, most)
    if books.data.get("attempts"):
        tried = sum(row.must or row.tried for row in rows)
        yield _between(books, "attempts", tried, len(rows) + crashes)


def _between(books: Event, kind: str, least: int, most: int) -> str | None:
    got = cast("int", books.data.get(kind, 0))
    if least <= got <= most:
        return None
    ledger = f"{least}" if least == most else f"from {least} to {most}"
    return f"{got} {kind.replace('_', ' ')}, the API's ledger has {ledger} that it can know of"


def _rows(evidence: Evidence) -> Iterator[_Row]:
    heard = {event.data["request"]: event for event in evidence.of("reply.received")}
    begun = {event.data["request"] for event in evidence.of("reply.started")}
    messages = {row.request for row in evidence.answers if row.is_message}
    aside = {row.request for row in evidence.answers if row.step is None}
    damaged = max((event.n for event in evidence.of("damaged")), default=0)
    failing = {event.turn for event in evidence.of("disk") if event.data["error"]}
    for event in evidence.of("model.answered"):
        number = event.data["request"]
        if number not in messages:
            continue
        billed = event.data["status"] == 200
        whole = billed and number in heard and event.data["fault"] is None
        must = whole and _went_on(evidence, heard[number])
        sure = number not in aside and event.n > damaged
        tried = event.turn not in failing and _knows_it_asked(evidence, event)
        known = billed and number in begun
        yield _Row(event.n, event.data, must and sure, known, tried and sure)


def _knows_it_asked(evidence: Evidence, answered: Event) -> bool:
    """Whether an attempt that the API answered must be in the books, its reply heard or not."""
    if answered.data["status"] is None:
        return False
    lived, end = _lived_on(evidence.in_its_life_after(answered))
    if end is not None and (end.kind != "crashed" or end.data.get("tier", "kill") != "kill"):
        return any(event.kind == "reply.returned" for event in lived)
    steps = [event for event in lived if event.kind not in _ASKING]
    asked_again = any(event.kind == "request.sent" for event in lived)
    return bool(steps) or (end is not None and not asked_again)


def _lived_on(events: Sequence[Event]) -> tuple[Sequence[Event], Event | None]:
    """What happened in a life up to its end, and that end, where there is one."""
    for place, event in enumerate(events):
        if event.kind in _ENDS:
            return events[:place], event
    return events, None


def _went_on(evidence: Evidence, heard: Event) -> bool:
    """Whether the life that heard it lived to do something else, and kept what it knew."""
    events = evidence.in_its_life_after(heard)
    steps = [event for event in events if event.kind not in _NO_STEP]
    if not steps or steps[0].kind in _ENDS:
        return False
    end = next((event for event in steps if event.kind in _ENDS), None)
    if end is None or end.data.get("tier", "kill") == "kill":
        return True
    return any(event.kind == "reply.returned" and event.n < end.n for event in steps)
