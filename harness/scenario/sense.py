"""What a well-formed scenario says that cannot be: found before anything is played.

Only what no run could ever make true is refused here: a fault on a turn that the script does not
have, a tool nobody declared, a number no target could reach. What may or may not be reached (the
third tool call of a turn) is left to the run, which is invalid when it is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.scenario.complaint import Complaint, nearest
from harness.scenario.document import Step
from harness.scenario.faults import Crash, Damage, ToolFault
from harness.scenario.plan import known_locale
from harness.scenario.schema import Reply, Scenario, Wait, Words
from harness.scenario.schema import Step as ReplyStep
from harness.scenario.units import UNITS_NS

TURNS_MAX = 100_000
DAYS_MAX = 3_660
HOURS_A_TURN_MAX = 48
"""Of virtual time; a turn that takes longer is ended by the harness."""


def complaints(scenario: Scenario) -> list[Complaint]:
    """A sentence for each thing that cannot be."""
    turns = sum(_turns(line) for line in scenario.script)
    return [
        *_bounds(scenario, turns),
        *_faults(scenario, turns),
        *_tools(scenario),
        *_locales(scenario),
        *_resume(scenario, turns),
        *_numbers(scenario, turns),
        *_hopeless(scenario),
        *_endless(scenario),
        *_states(scenario),
        *_writers(scenario, turns),
        *_redeliveries(scenario),
    ]


def _turns(line: object) -> int:
    return 0 if isinstance(line, Wait) else getattr(line, "repeat", 1)


def _bounds(scenario: Scenario, turns: int) -> Iterator[Complaint]:
    if turns > TURNS_MAX:
        message = f"expected at most {TURNS_MAX} turns, got {turns}; repeat less often"
        yield Complaint(("script",), message)
    quiet_ns = sum(
        line.wait if isinstance(line, Wait) else getattr(line, "every", 0) * _turns(line)
        for line in scenario.script
    )
    if quiet_ns > DAYS_MAX * UNITS_NS["d"]:
        days = quiet_ns // UNITS_NS["d"]
        message = f"expected waits of at most {DAYS_MAX} days in all, got {days}; wait less"
        yield Complaint(("script",), message)


def _faults(scenario: Scenario, turns: int) -> Iterator[Complaint]:
    for index, fault in enumerate(scenario.faults):
        if fault.what.turn > turns:
            message = (
                f"expected a turn from 1 to {turns}, got {fault.what.turn}; "
                f"the script has {turns} turn{'s' if turns != 1 else ''}"
            )
            yield Complaint(("faults", index, fault.kind, "turn"), message)


def _replies(scenario: Scenario) -> Iterator[tuple[tuple[Step, ...], ReplyStep]]:
    for index, line in enumerate(scenario.script):
        if isinstance(line, Wait):
            continue
        reply: Reply = line.reply
        if isinstance(reply, ReplyStep):
            yield ("script", index, "reply"), reply
        else:
            for number, step in enumerate(reply):
                yield ("script", index, "reply", number), step


def _tools(scenario: Scenario) -> Iterator[Complaint]:
    for way, step in _replies(scenario):
        for index, call in enumerate(step.calls):
            if call.tool not in scenario.tools:
                tail: tuple[Step, ...] = ("tool",) if step.tool else ("tools", index, "tool")
                yield Complaint(way + tail, _no_tool(call.tool, scenario))


def _no_tool(name: str, scenario: Scenario) -> str:
    if not scenario.tools:
        return (
            f"expected a tool of this scenario, got {name!r}; there are none: add "
            f"`tools: {{{name}: {{returns: {{ok: true}}}}}}`"
        )
    remedy = nearest(name, scenario.tools)
    return f"expected a tool of this scenario, got {name!r}; {remedy}"


def _locales(scenario: Scenario) -> Iterator[Complaint]:
    spoken: list[tuple[tuple[Step, ...], str]] = []
    for index, line in enumerate(scenario.script):
        if not isinstance(line, Wait) and isinstance(line.user, Words):
            spoken.append((("script", index, "user"), line.user.locale))
    for way, step in _replies(scenario):
        spoken.append((way, step.locale))
        if isinstance(step.think, Words):
            spoken.append(((*way, "think"), step.think.locale))
    for way, locale in spoken:
        # Asking about the default would import Faker, which most scenarios never need.
        if locale != "en_US" and not known_locale(locale):
            message = f"expected a locale of Faker such as de_DE or ja_JP, got {locale!r}"
            yield Complaint((*way, "locale"), message)


def _crashes(scenario: Scenario) -> list[int]:
    """The turns of all scripted deaths, in the order in which they come."""
    whats = [fault.what for fault in scenario.faults]
    return sorted(what.turn for what in whats if isinstance(what, Crash | ToolFault | Damage))


def _resume(scenario: Scenario, turns: int) -> Iterator[Complaint]:
    resume = scenario.expect.resume
    if resume is None:
        return
    way = ("expect", "resume")
    crashes = _crashes(scenario)
    if not crashes:
        message = "expected a crash to resume from, got none; add one under `faults`"
        yield Complaint(way, message, at_key=True)
        return
    if resume.after_crash > len(crashes):
        message = f"expected a crash from 1 to {len(crashes)}, got {resume.after_crash}"
        remedy = f"the scenario has {len(crashes)} crash{'es' if len(crashes) != 1 else ''}"
        yield Complaint((*way, "after_crash"), f"{message}; {remedy}")
        return
    turn = min(crashes[resume.after_crash - 1], turns)
    for key in ("transcript", "tool_state"):
        wanted = getattr(resume, key)
        if wanted is not None and wanted > turn:
            message = (
                f"expected at most {turn}, got {wanted}; crash {resume.after_crash} is in turn"
            )
            yield Complaint((*way, key), f"{message} {turn}, no target can be further")


def _numbers(scenario: Scenario, turns: int) -> Iterator[Complaint]:
    expect = scenario.expect
    share = expect.cache_read_share
    if share is not None and share.min > 1:
        message = f"expected a share from 0 to 1, got {share.min:g}; half is 0.5"
        yield Complaint(("expect", "cache_read_share", "min"), message)
    refused = any(fault.http is not None for fault in scenario.faults)
    if not turns or refused:
        return
    for key in ("request_tokens", "input_tokens_total", "attempts_per_turn"):
        most = getattr(expect, key)
        if most is not None and most.max < 1:
            message = f"expected at least 1, got {most.max:g}; a turn takes at least one"
            yield Complaint(("expect", key, "max"), message)
    if expect.cost_usd is not None and expect.cost_usd.max == 0:
        message = "expected more than 0, got 0; no reply is free"
        yield Complaint(("expect", "cost_usd", "max"), message)


def _hopeless(scenario: Scenario) -> Iterator[Complaint]:
    """Numbers that contradict each other or a promise, so that no target could pass."""
    expect = scenario.expect
    broken = {"lost_turns": "S1", "rejected_requests": "W1"}
    if not any(tool.contract == "at_least_once" for tool in scenario.tools.values()):
        broken["repeated_effects"] = "P2"
    turned_away = scenario.model.rate_limits or scenario.stack.turns_per_minute
    if not scenario.faults and turned_away is None:
        broken["failed_sends"] = "P5"
    for key, code in broken.items():
        wanted = getattr(expect, key)
        if wanted:
            message = f"expected 0, got {wanted}; {code} holds in every scenario, so that one fails"
            yield Complaint(("expect", key), message)
    resume = expect.resume
    if resume and None not in (resume.transcript, resume.tool_state):
        transcript, state = resume.transcript or 0, resume.tool_state or 0
        if state > transcript:
            message = f"expected at most {transcript}, got {state}; a checkpoint ahead of the"
            yield Complaint(("expect", "resume", "tool_state"), f"{message} transcript breaks P4")
    if any(fault.http is not None for fault in scenario.faults):
        return
    steps, seconds = _least(scenario)
    for key, least in (("attempts_per_turn", steps), ("seconds_per_turn", seconds)):
        most = getattr(expect, key)
        if most is not None and 1 <= most.max < least:
            message = f"expected at least {least:g}, got {most.max:g}; a turn of the script takes"
            yield Complaint(("expect", key, "max"), f"{message} as much of any target")


def _least(scenario: Scenario) -> tuple[int, float]:
    """The most model calls, and the most seconds of waiting, that one turn needs."""
    steps, waits = [0], [0]
    for line in scenario.script:
        if not isinstance(line, Wait):
            replies = (line.reply,) if isinstance(line.reply, ReplyStep) else line.reply
            steps.append(len(replies))
            waits.append(sum(_waiting(scenario, step) for step in replies))
    return max(steps), max(waits) / UNITS_NS["s"]


def _waiting(scenario: Scenario, step: ReplyStep) -> int:
    """The first token and the slowest tool: calls may run side by side."""
    first = scenario.model.first_token if step.first_token is None else step.first_token
    return first + max(
        (scenario.tools[c.tool].takes for c in step.calls if c.tool in scenario.tools), default=0
    )


def _endless(scenario: Scenario) -> Iterator[Complaint]:
    """What would make a turn longer than the harness lets it be."""
    waits: list[tuple[tuple[Step, ...], int]] = [
        (("tools", name, "takes"), tool.takes) for name, tool in scenario.tools.items()
    ]
    waits.append((("model", "first_token"), scenario.model.first_token))
    for way, step in _replies(scenario):
        waits.append(((*way, "first_token"), step.first_token or 0))
    for index, fault in enumerate(scenario.faults):
        if fault.http is not None:
            waits.append((("faults", index, "http", "retry_after"), fault.http.retry_after or 0))
    for way, wait_ns in waits:
        if wait_ns > HOURS_A_TURN_MAX * UNITS_NS["h"]:
            hours = wait_ns / UNITS_NS["h"]
            message = f"expected at most {HOURS_A_TURN_MAX} hours, got {hours:g}; a turn that takes"
            yield Complaint(way, f"{message} longer is ended: put a `wait` between turns")


def _states(scenario: Scenario) -> Iterator[Complaint]:
    for index, fault in enumerate(scenario.faults):
        what = fault.what
        if isinstance(what, Crash) and what.state is not None and what.disk == "kill":
            message = (
                "expected `disk: ext4` or `disk: posix` beside `state`, got a kill; it leaves one "
                "state, so leave `state` out"
            )
            yield Complaint(("faults", index, "crash", "state"), message, at_key=True)


def _redeliveries(scenario: Scenario) -> Iterator[Complaint]:
    """What arrives again has been said before."""
    for index, fault in enumerate(scenario.faults):
        again = fault.redelivery
        if again is not None and again.of >= again.turn:
            message = f"expected a turn before {again.turn}, got {again.of}; only what was said"
            yield Complaint(
                ("faults", index, "redelivery", "of"), f"{message} can be delivered again"
            )


def _writers(scenario: Scenario, turns: int) -> Iterator[Complaint]:
    """Each of several processes needs a message, and the turns to themselves."""
    others = [fault.what for fault in scenario.faults if fault.writer is None]
    for index, fault in enumerate(scenario.faults):
        writer = fault.writer
        if writer is None:
            continue
        way = ("faults", index, "writer")
        last = writer.turn + writer.sessions - 1
        if last > turns >= writer.turn:
            message = (
                f"expected at most {turns - writer.turn + 1} from turn {writer.turn} on, got "
                f"{writer.sessions}; each process sends one of the script's next messages"
            )
            yield Complaint(way, message, at_key=True)
        elif any(writer.turn <= what.turn <= last for what in others):
            message = f"expected no other fault in turns {writer.turn} to {last}, got one"
            yield Complaint(way, f"{message}; several processes share them", at_key=True)
        elif any(fault.of_the_disk for fault in scenario.faults):
            message = "expected no fault of the disk in the same scenario, got one"
            yield Complaint(way, f"{message}; a recorder watches one process", at_key=True)
