"""P1 and P5: what is resumed is what happened, and one user message is answered once.

A history that ends too early is S1's business (storage.py), and a request that the API refused is
W1's: here is told only what no other promise tells.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence

from harness.checks.evidence.alignment import Departure, departures, held_turns
from harness.checks.evidence.breach import Breach, contrast, counted, shape, shorten, times
from harness.checks.evidence.facts import (
    CUT_SHORT,
    Acknowledgement,
    Answer,
    Evidence,
    Sending,
    number,
)
from harness.checks.evidence.hours import fence_is_full
from harness.checks.evidence.transcript import squeezed
from harness.record import Event
from harness.scenario.plan import Turn

_EXCUSING_FAULTS = ("http", "stream", "disk", "writer")
_ENDS_THE_TALK = ("limit", "died", "broke", "open.failed", "history.failed", "resume.failed")
_REFUSED = (400, 404, 413, 429)
_FOR_GOOD = (400, 401, 403, 404, 413)
_ABOUT_THE_MESSAGE = (400, 413)


def prefix_continuation(evidence: Evidence) -> Iterator[Breach]:
    """P1: every history is a prefix of what happened, plus at most the turn in flight."""
    for departure in departures(evidence):
        if departure.kind == "departs" and not evidence.shared_turns & set(departure.turns):
            memory, turn = departure.memory, departure.turns[0]
            yield Breach(
                "P1",
                memory.event,
                turn,
                f"{memory.told} departs from what happened at turn {turn}: {departure.why}",
                evidence.crash_before(memory.event),
            )


def consume_once(evidence: Evidence) -> Iterator[Breach]:
    """P5: one user message is answered once, however often it is resent."""
    repeated = [
        *_two_answers(evidence),
        *_bought_again(evidence),
        *_half_answers(evidence),
        *_answered_with_nothing(evidence),
        *_bought_for_a_redelivery(evidence),
    ]
    yield from repeated
    failed = _unexplained(evidence)
    told = {breach.turn for breach in repeated} | {evidence.turn_of(event) for event in failed}
    yield from _standing_twice(evidence, told)
    yield from _failed_sends(evidence, failed)
    yield from _sudden_ends(evidence)
    yield from _never_answered(evidence)


def _two_answers(evidence: Evidence) -> Iterator[Breach]:
    said = (*evidence.returned, *evidence.delivered, *_finished_by_itself(evidence))
    first: dict[int, str] = {}
    told: set[int] = set()
    for answer in sorted(said, key=lambda answer: answer.event):
        before = first.setdefault(answer.turn, answer.text)
        if before != answer.text and answer.turn not in told:
            told.add(answer.turn)
            yield Breach(
                "P5",
                answer.event,
                answer.turn,
                f"turn {answer.turn}'s message was answered with two different texts: "
                f"{contrast(before, answer.text)}",
                evidence.crash_before(answer.event),
            )


def _finished_by_itself(evidence: Evidence) -> Iterator[Acknowledgement]:
    """What resume() answered, as an answer to the turn that was in flight."""
    for event in evidence.of("resumed"):
        answer, turn = event.data["answer"], _in_flight(evidence, event.n)
        if isinstance(answer, str) and turn is not None:
            yield Acknowledgement(event.n, turn, answer)


def _half_answers(evidence: Evidence) -> Iterator[Breach]:
    """The user was shown a part of what the model said, and it was not the target that cut it off.

    A target may give up at the output limit: then the model's last word was not its last.
    """
    last = {row.turn: row for row in evidence.answers if row.is_message}
    told: set[int] = set()
    for answer in evidence.delivered:
        turn, row = evidence.plan.turn(answer.turn), last.get(answer.turn)
        if answer.turn in told or row is None or turn.steps[-1].stop == "refusal":
            continue
        ended = row.status == 200 and row.stop_reason not in CUT_SHORT
        said_all = (row.script_turn, row.step) == (turn.number, len(turn.steps) - 1)
        if ended and said_all and _only_part(answer.text, turn):
            told.add(answer.turn)
            yield Breach(
                "P5",
                answer.event,
                answer.turn,
                f"turn {answer.turn}'s message was answered with a part of the answer: "
                f"{contrast(turn.final_text, answer.text)}",
                evidence.crash_in(answer.turn, answer.event),
            )


def _only_part(answer: str, turn: Turn) -> bool:
    shown, whole = squeezed(answer), squeezed("".join(step.text or "" for step in turn.steps))
    return shown in whole and squeezed(turn.final_text) not in shown


def _answered_with_nothing(evidence: Evidence) -> Iterator[Breach]:
    """A message was acknowledged with an empty answer, and the model had never replied to it."""
    replied = {row.turn for row in evidence.answers if row.is_message and row.status == 200}
    told: set[int] = set()
    for answer in evidence.returned:
        if answer.turn in replied | told or answer.text.strip():
            continue
        if evidence.plan.turn(answer.turn).user.strip():
            told.add(answer.turn)
            yield Breach(
                "P5",
                answer.event,
                answer.turn,
                f"turn {answer.turn}'s message was acknowledged with an empty answer, and the "
                "model has never replied to it",
                evidence.crash_in(answer.turn, answer.event),
            )


def _in_flight(evidence: Evidence, event: int) -> int | None:
    """The turn that was sent before an event and not seen answered by then."""
    spoken = [sending.turn for sending in evidence.sendings if sending.start < event]
    seen = {answer.turn for answer in evidence.delivered if answer.event < event}
    return spoken[-1] if spoken and spoken[-1] not in seen else None


def _standing_twice(evidence: Evidence, told: Container[int | None]) -> Iterator[Breach]:
    """One finding for each crash that doubled a message, and one for all doubled without any."""
    groups: dict[int, list[Departure]] = {}
    for departure in departures(evidence):
        turn = departure.turns[0]
        if departure.kind == "twice" and turn not in told and turn not in evidence.shared_turns:
            crash = evidence.crash_in(turn, departure.memory.event)
            groups.setdefault(crash.number if crash else 0, []).append(departure)
    for doubled in groups.values():
        turn, memory = doubled[0].turns[0], doubled[0].memory
        turns = sorted({departure.turns[0] for departure in doubled} - {turn})
        also = ""
        if turns:
            also = f" (and in {counted(len(turns), 'more turn')}, the last is turn {turns[-1]})"
        yield Breach(
            "P5",
            memory.event,
            turn,
            f"turn {turn} was spoken once, and {doubled[0].why} in {memory.told}{also}",
            evidence.crash_in(turn, memory.event),
        )


def _bought_again(evidence: Evidence) -> Iterator[Breach]:
    """A turn asked of the model though the resumed history already held its complete answer."""
    told: set[int] = set()
    for memory in evidence.memories:
        turn = _in_flight(evidence, memory.event)
        if memory.after_crash is None or turn is None or turn in told:
            continue
        planned = evidence.plan.turn(turn)
        copies = held_turns(evidence, memory).get(turn, ())
        request = _request_for(evidence, turn, memory.event)
        if request is not None and any(copy.answers(planned) for copy in copies):
            told.add(turn)
            yield Breach(
                "P5",
                request.n,
                turn,
                f"turn {turn}'s answer was bought again: {memory.told} already held "
                f"{shorten(planned.final_text)}, and the model was asked once more",
                evidence.crash_before(request.n),
            )


def _bought_for_a_redelivery(evidence: Evidence) -> Iterator[Breach]:
    """An old message arrived once more, after it had been answered, and the model was asked.

    What a damaged file held may be forgotten.
    """
    damaged = min(
        (event.n for event in evidence.of("damaged")), default=len(evidence.record.events)
    )
    seen = {answer.turn: answer.event for answer in reversed(evidence.delivered)}
    over = [*(event.n for event in evidence.of("redelivery.over"))]
    for event in evidence.of("redelivered"):
        turn = number(event.data, "of")
        end = next((n for n in over if n > event.n), len(evidence.record.events))
        asked = [row for row in evidence.answers if row.is_message and event.n < row.event < end]
        if asked and seen.get(turn, end) < event.n < damaged:
            yield Breach(
                "P5",
                asked[0].event,
                turn,
                f"turn {turn}'s message had been answered, arrived once more under its id "
                f"{event.data['message_id']}, and the model was asked again",
                evidence.crash_before(event.n),
            )


def _request_for(evidence: Evidence, turn: int, after: int) -> Event | None:
    """The first request after an event that asks the model to answer this turn's message."""
    asked = {row.request: row.script_turn for row in evidence.answers if row.is_message}
    text = evidence.plan.turn(turn).user
    for event in evidence.of("request.sent"):
        request = event.data["request"]
        if event.n < after or event.turn not in (turn, None) or request not in asked:
            continue
        answered_from = asked[request]
        if answered_from == turn or (answered_from is None and _ends_with(event, text)):
            return event
    return None


def _ends_with(request: Event, text: str) -> bool:
    """Whether the last message of a request's body says this text."""
    body = request.data["body"]
    messages = (json.loads(body) if isinstance(body, str) else body)["messages"]  # type: ignore[index]
    return json.dumps(text)[1:-1] in json.dumps(messages[-1]) if messages else False


def _failed_sends(evidence: Evidence, failed: Sequence[Event]) -> Iterator[Breach]:
    """send() raised for no reason that is known; one finding for each wording of the error."""
    groups: dict[str, list[Event]] = {}
    for event in failed:
        groups.setdefault(shape(str(event.data["error"])), []).append(event)
    for events in groups.values():
        first = events[0]
        raised = f"raised {times(len(events))}" if len(events) > 1 else "raised"
        turn = evidence.turn_of(first)
        yield Breach(
            "P5",
            first.n,
            turn,
            f"turn {turn}'s message was not answered, send() {raised}: {first.data['error']}",
            evidence.crash_in(turn, first.n),
        )


def _unexplained(evidence: Evidence) -> Sequence[Event]:
    """Every send.failed that no scripted fault, refused request or bound explains."""
    sendings = [sending for sending in evidence.sendings if not _explained(evidence, sending)]
    return [
        event
        for event in evidence.of("send.failed")
        if any(sending.start < event.n < sending.end for sending in sendings)
    ]


def _explained(evidence: Evidence, sending: Sending) -> bool:
    """Whether a scripted fault, or what another promise tells, made this sending fail.

    A blank message the API refuses, and so may the target; it turns away what is too much for its
    fence.
    """
    if not evidence.plan.turn(sending.turn).user.strip():
        return True
    if fence_is_full(evidence, evidence.record.events[sending.start].at_ns):
        return True
    for event in evidence.record.events[sending.start : sending.end]:
        if event.kind in ("limit", "network.refused"):
            return True
        if event.kind == "disk" and event.data["error"] in ("ENOSPC", "EIO"):
            return True
        if event.kind == "fault.fired":
            fault = evidence.scenario.faults[int(str(event.data["fault"]))]
            if fault.kind in _EXCUSING_FAULTS:
                return True
    return any(
        sending.start < row.event < sending.end and _excuses(evidence, row, sending.turn)
        for row in evidence.answers
    ) or _set_aside(evidence, sending)


def _excuses(evidence: Evidence, row: Answer, turn: int) -> bool:
    """Whether an attempt in this turn had to fail; not where it met another turn's fault.

    That is a message which the API refuses, and which was sent along with a later one.
    """
    if row.fault is None:
        return row.status in _REFUSED
    what = evidence.scenario.faults[row.fault].what
    return what.turn == turn or getattr(what, "status", None) not in _ABOUT_THE_MESSAGE


def _set_aside(evidence: Evidence, sending: Sending) -> bool:
    """Whether the scenario had this message refused for good before, so that it may stay so."""
    return any(
        row.turn == sending.turn
        and row.event < sending.start
        and row.fault is not None
        and row.status in _FOR_GOOD
        for row in evidence.answers
    )


def _sudden_ends(evidence: Evidence) -> Iterator[Breach]:
    """The process ended by itself after it had opened, and no bound of the harness was hit; one
    finding for each way in which it did."""
    bounded = {event.life for event in evidence.of("limit")}
    groups: dict[tuple[object, object, str], list[Event]] = {}
    for event in evidence.of("died"):
        if evidence.was_open(event) and event.life not in bounded:
            cause = (event.data["status"], event.data.get("during"), shape(_last_words(event)))
            groups.setdefault(cause, []).append(event)
    for events in groups.values():
        first = events[0]
        place = "between turns" if first.turn is None else f"in turn {first.turn}"
        turns = {event.turn for event in events}
        again = f", {times(len(events))} in {counted(len(turns), 'turn')}"
        yield Breach(
            "P5",
            first.n,
            first.turn,
            f"the process ended by itself {place} with status {first.data['status']}"
            f"{again if len(events) > 1 else ''}: "
            f"{_last_words(first) or 'it wrote nothing to stderr'}",
            evidence.crash_before(first.n),
        )


def _last_words(died: Event) -> str:
    return str(died.data["stderr"]).strip().rsplit("\n", 1)[-1]


def _never_answered(evidence: Evidence) -> Iterator[Breach]:
    """A turn that the user never saw answered, though the script went on to its end."""
    if not any(evidence.of("ended")):
        return
    seen = {answer.turn for answer in evidence.delivered}
    stopped = list(evidence.of(*_ENDS_THE_TALK))
    failed = {evidence.turn_of(event) for event in evidence.of("send.failed")}
    last = {sending.turn: sending for sending in evidence.sendings}
    for turn, sending in last.items():
        broken_off = any(event.n > sending.start for event in stopped)
        if turn not in seen | failed and not broken_off:
            yield Breach(
                "P5",
                sending.start,
                turn,
                f"turn {turn}'s message was never answered: it reached the target, and the script "
                "ended without a reply, an error or a fault",
                evidence.crash_in(turn),
            )
