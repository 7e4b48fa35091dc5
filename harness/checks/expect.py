"""The numbers that a scenario expects on top of the promises.

A missed expectation is a finding under the code that its number belongs to. Where that promise has
a finding of its own for the same cause, the number is not told a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.checks.evidence.absent import absent_faults
from harness.checks.evidence.alignment import departures
from harness.checks.evidence.breach import Breach, Crash
from harness.checks.evidence.facts import CUT_SHORT, Answer, Evidence, number
from harness.checks.evidence.transcript import completed
from harness.checks.evidence.validity import kills
from harness.checks.promises.effects import repeated
from harness.checks.wire import prefix
from harness.checks.wire.requests import attempts, rejected

CODES = {
    "resume.transcript": "P1",
    "resume.tool_state": "P4",
    "lost_turns": "S1",
    "repeated_effects": "P2",
    "rejected_requests": "W1",
    "request_tokens": "W2",
    "input_tokens_total": "W4",
    "cost_usd": "W4",
    "attempts_per_turn": "W4",
    "seconds_per_turn": "W4",
    "bytes_read_per_turn": "W4",
    "failed_sends": "P5",
    "answers_cut_short": "P5",
    "cache_breaks": "W6",
    "cache_read_share": "W6",
}
"""The promise that each key's number belongs to."""
JUDGED_IN_STORES = ("resume.transcript", "lost_turns", "failed_sends")
_SAME_CAUSE = {
    "resume.transcript": ("P1", "P5", "S1", "S3"),
    "resume.tool_state": ("P4",),
    "lost_turns": ("S1", "P1", "S3"),
    "repeated_effects": ("P2",),
    "rejected_requests": ("W1", "W2"),
    "request_tokens": ("W2",),
    "attempts_per_turn": ("W4", "P5"),
    "seconds_per_turn": ("W4",),
    "failed_sends": ("P5",),
    "answers_cut_short": ("P5",),
    "cache_breaks": ("W6",),
    "cache_read_share": ("W6",),
}
_OF_ITS_CRASH = ("resume.transcript", "resume.tool_state")
_OF_ITS_TURN = ("attempts_per_turn", "seconds_per_turn")


@dataclass(frozen=True)
class Judged:
    """What came of the expectations."""

    breaches: tuple[Breach, ...]
    not_applicable: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Missed:
    """`event` and `turn` say where it shows; `crash` which death it is about."""

    key: str
    expected: str
    got: str
    event: int
    turn: int | None = None
    crash: Crash | None = None


def judge_expectations(evidence: Evidence, broken: Sequence[Breach]) -> Judged:
    """Compare each expected number with the record's; `broken` is what the promises found."""
    if evidence.swept:
        return Judged((), (), ())
    absent = tuple(f"expect.{key}" for key in _asked(evidence) if not _can(evidence, key))
    missed = [
        miss
        for key in _asked(evidence)
        if _can(evidence, key)
        for miss in _NUMBERS[key](evidence)
        if not _told_already(miss, broken)
    ]
    return Judged(tuple(map(_breach, missed)), absent, tuple(_unreached(evidence)))


def _asked(evidence: Evidence) -> Iterator[str]:
    expect = evidence.scenario.expect
    for key in CODES:
        holder = expect.resume if key.startswith("resume.") else expect
        if holder is not None and getattr(holder, key.removeprefix("resume.")) is not None:
            yield key


def _can(evidence: Evidence, key: str) -> bool:
    """Whether this target can be held to a key."""
    if key.startswith("resume.") and _some_death_is_absent(evidence):
        return False
    if evidence.store:
        return key in JUDGED_IN_STORES
    return key != "resume.tool_state" or "checkpoint" in evidence.capabilities


def _some_death_is_absent(evidence: Evidence) -> bool:
    """Whether a death cannot come, so that the others have other numbers."""
    return any(kills(evidence.scenario.faults[index]) for index in absent_faults(evidence))


def _told_already(miss: _Missed, broken: Sequence[Breach]) -> bool:
    return any(
        breach.code in _SAME_CAUSE.get(miss.key, ())
        and (miss.key not in _OF_ITS_CRASH or breach.crash == miss.crash)
        and (miss.key not in _OF_ITS_TURN or breach.turn == miss.turn)
        for breach in broken
    )


def _breach(miss: _Missed) -> Breach:
    message = f"expect.{miss.key}: expected {miss.expected}, got {miss.got}"
    return Breach(CODES[miss.key], miss.event, miss.turn, message, miss.crash)


def _unreached(evidence: Evidence) -> Iterator[str]:
    resume = evidence.scenario.expect.resume
    if resume is None or _some_death_is_absent(evidence):
        return
    if len(evidence.crashes) < resume.after_crash:
        yield (
            f"expect.resume is about crash {resume.after_crash}, and there were only "
            f"{len(evidence.crashes)}: add the fault that makes it, or lower after_crash"
        )


def _crash(evidence: Evidence) -> Crash | None:
    """The crash that `expect.resume` is about."""
    resume = evidence.scenario.expect.resume
    wanted = resume.after_crash if resume else 0
    return next((crash for crash in evidence.crashes if crash.number == wanted), None)


def _transcript(evidence: Evidence) -> Iterator[_Missed]:
    resume, crash = evidence.scenario.expect.resume, _crash(evidence)
    for memory in evidence.memories:
        if resume and crash and memory.after_crash == crash.number:
            got = completed(memory.messages)
            if got != resume.transcript:
                told = f"{got} completed turns in {memory.told}"
                yield _Missed(
                    "resume.transcript",
                    str(resume.transcript),
                    told,
                    memory.event,
                    crash.turn,
                    crash,
                )
            return


def _tool_state(evidence: Evidence) -> Iterator[_Missed]:
    resume, crash = evidence.scenario.expect.resume, _crash(evidence)
    if resume is None or crash is None:
        return
    after = [m.event for m in evidence.memories if m.after_crash == crash.number]
    saved = [e for e in evidence.of("checkpoint") if e.data.get("after_crash") == crash.number]
    if not after and not saved:
        return
    got = saved[0].data["turn_number"] if saved else None
    event = saved[0].n if saved else after[0]
    if (got or 0) != resume.tool_state:
        told = f"{got or 0}: the checkpoint's turn number after {crash.told}"
        if got is None:
            told = f"0: there is no checkpoint after {crash.told}"
        yield _Missed("resume.tool_state", str(resume.tool_state), told, event, crash.turn, crash)


def _lost_turns(evidence: Evidence) -> Iterator[_Missed]:
    lost = {turn for d in departures(evidence) if d.kind == "lost" for turn in d.turns}
    yield from _exact(evidence, "lost_turns", evidence.scenario.expect.lost_turns, len(lost))


def _repeated_effects(evidence: Evidence) -> Iterator[_Missed]:
    expected = evidence.scenario.expect.repeated_effects
    yield from _exact(evidence, "repeated_effects", expected, repeated(evidence))


def _rejected_requests(evidence: Evidence) -> Iterator[_Missed]:
    expected = evidence.scenario.expect.rejected_requests
    yield from _exact(evidence, "rejected_requests", expected, len(rejected(evidence)))


def _exact(evidence: Evidence, key: str, expected: int | None, got: int) -> Iterator[_Missed]:
    if got != expected:
        yield _Missed(key, str(expected), str(got), _end(evidence))


def _request_tokens(evidence: Evidence) -> Iterator[_Missed]:
    most = evidence.scenario.expect.request_tokens
    over = [row for row in evidence.answers if most and row.prompt_tokens > most.max]
    if most and over:
        worst = max(over, key=lambda row: row.prompt_tokens)
        got = f"{worst.prompt_tokens} in turn {worst.turn}"
        yield _Missed("request_tokens", _most(most.max), got, over[0].event, over[0].turn)


def _input_tokens_total(evidence: Evidence) -> Iterator[_Missed]:
    most = evidence.scenario.expect.input_tokens_total
    if most:
        yield from _sum(evidence, "input_tokens_total", most.max, lambda row: row.input_tokens)


def _cost_usd(evidence: Evidence) -> Iterator[_Missed]:
    most = evidence.scenario.expect.cost_usd
    if most:
        yield from _sum(evidence, "cost_usd", most.max, lambda row: row.cost_usd)


def _sum(
    evidence: Evidence, key: str, most: float, of: Callable[[Answer], float]
) -> Iterator[_Missed]:
    """An upper bound on a running sum: it is missed at the attempt that crosses it."""
    total, crossed = 0.0, None
    for row in evidence.answers:
        total += of(row)
        if total > most and crossed is None:
            crossed = row
    if crossed is not None:
        yield _Missed(key, _most(most), f"{total:.10g}", crossed.event, crossed.turn)


def _attempts_per_turn(evidence: Evidence) -> Iterator[_Missed]:
    most = evidence.scenario.expect.attempts_per_turn
    counts = attempts(evidence).most_common(1)
    if most and counts and counts[0][1] > most.max:
        turn, count = counts[0]
        event = [row.event for row in evidence.answers if row.turn == turn][-1]
        yield _Missed("attempts_per_turn", _most(most.max), f"{count} in turn {turn}", event, turn)


def _seconds_per_turn(evidence: Evidence) -> Iterator[_Missed]:
    """Virtual time from the first sending of a message to the moment the user sees the answer."""
    most = evidence.scenario.expect.seconds_per_turn
    began: dict[int, int] = {}
    for event in evidence.of("user.received"):
        began.setdefault(evidence.turn_of(event), event.at_ns)
    took = [
        ((event.at_ns - began[turn]) / 1e9, event.n, turn)
        for event in evidence.of("reply.delivered")
        if (turn := evidence.turn_of(event)) in began
    ]
    if most and took and max(took)[0] > most.max:
        seconds, last, turn = max(took)
        got = f"{seconds:.10g} in turn {turn}"
        yield _Missed("seconds_per_turn", _most(most.max), got, last, turn)


def _bytes_read_per_turn(evidence: Evidence) -> Iterator[_Missed]:
    """What send() reads from files; what a restart reads before it does not count."""
    most = evidence.scenario.expect.bytes_read_per_turn
    read = [(number(event.data, "bytes"), event) for event in evidence.of("read")]
    over = [each for each in read if most and each[0] > most.max]
    if most and over:
        worst, _ = max(read, key=lambda each: each[0])
        _, first = over[0]
        yield _Missed("bytes_read_per_turn", _most(most.max), str(worst), first.n, first.turn)


def _failed_sends(evidence: Evidence) -> Iterator[_Missed]:
    expected, got = (
        evidence.scenario.expect.failed_sends,
        sum(1 for _ in evidence.of("send.failed")),
    )
    yield from _exact(evidence, "failed_sends", expected, got)


def _answers_cut_short(evidence: Evidence) -> Iterator[_Missed]:
    """Answers that the user saw, and that the model had not come to the end of."""
    last = {row.turn: row for row in evidence.answers if row.is_message and row.status == 200}
    seen = {answer.turn for answer in evidence.delivered}
    cut = [row for turn, row in last.items() if turn in seen and row.stop_reason in CUT_SHORT]
    expected = evidence.scenario.expect.answers_cut_short
    if len(cut) != expected:
        event, turn = (cut[0].event, cut[0].turn) if cut else (_end(evidence), None)
        yield _Missed("answers_cut_short", str(expected), str(len(cut)), event, turn)


def _cache_breaks(evidence: Evidence) -> Iterator[_Missed]:
    """Requests that did not begin with the one before; waiting too long is not held against it."""
    most = evidence.scenario.expect.cache_breaks
    broken = [each for each in prefix.breaks(evidence) if each.cause != "expired"]
    if most and len(broken) > most.max:
        causes = ", ".join(sorted({each.cause for each in broken}))
        got, last = f"{len(broken)} ({causes})", broken[-1].row
        yield _Missed("cache_breaks", _most(most.max), got, last.event, last.turn)


def _cache_read_share(evidence: Evidence) -> Iterator[_Missed]:
    least = evidence.scenario.expect.cache_read_share
    total = sum(row.input_tokens for row in evidence.answers)
    share = sum(row.cache_read_tokens for row in evidence.answers) / total if total else 0.0
    if least and share < least.min:
        yield _Missed("cache_read_share", f"at least {least.min:g}", f"{share:.3f}", _end(evidence))


def _most(number: float) -> str:
    return f"at most {number:.10g}"


def _end(evidence: Evidence) -> int:
    return len(evidence.record.events)


_NUMBERS: dict[str, Callable[[Evidence], Iterator[_Missed]]] = {
    "resume.transcript": _transcript,
    "resume.tool_state": _tool_state,
    "lost_turns": _lost_turns,
    "repeated_effects": _repeated_effects,
    "rejected_requests": _rejected_requests,
    "request_tokens": _request_tokens,
    "input_tokens_total": _input_tokens_total,
    "cost_usd": _cost_usd,
    "attempts_per_turn": _attempts_per_turn,
    "seconds_per_turn": _seconds_per_turn,
    "bytes_read_per_turn": _bytes_read_per_turn,
    "failed_sends": _failed_sends,
    "answers_cut_short": _answers_cut_short,
    "cache_breaks": _cache_breaks,
    "cache_read_share": _cache_read_share,
}
