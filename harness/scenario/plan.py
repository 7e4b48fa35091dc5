"""The script worked out: every turn with its words, every reply with its call ids, every wait.

`plan` turns a Scenario and a seed into plain data that the runner speaks, the mock Claude replies
from and the checks compare with. The same scenario and seed give the same plan, always. Words come
from Faker, from one generator a locale; each place in the script has a seed of its own, so that
changing one line leaves the others as they were.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.scenario.schema import Repeat, Reply, Say, Scenario, Step, Text, Wait, Words

if TYPE_CHECKING:
    from faker import Faker

_ONE_SPEAKER = threading.Lock()


@dataclass(frozen=True)
class PlannedCall:
    """A scripted tool call; `id` is the tool_use id that the mock gives it."""

    id: str
    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True)
class PlannedStep:
    """What one model call replies. Times in nanoseconds until the first token, and tokens/s."""

    text: str | None
    calls: tuple[PlannedCall, ...]
    think: str | None
    stop: str | None
    stop_details: Mapping[str, Any] | None
    first_token_ns: int
    tokens_per_second: float


@dataclass(frozen=True)
class Turn:
    """One user's turn. `number` counts from 1, `line` is the index of its line in the script."""

    number: int
    line: int
    message_id: str
    user: str
    steps: tuple[PlannedStep, ...]
    pause_ns: int
    """How long the user waits before writing this."""
    pinned: bool = False
    """It is to stay in every request from then on."""

    @property
    def calls(self) -> tuple[PlannedCall, ...]:
        """All tool calls of the turn, in order."""
        return tuple(call for step in self.steps for call in step.calls)

    @property
    def final_text(self) -> str:
        """What the user should see: the text of the last step, or nothing (a refusal)."""
        return self.steps[-1].text or ""


@dataclass(frozen=True)
class Plan:
    """All turns in order, and how long it stays quiet after the last one."""

    turns: tuple[Turn, ...]
    tail_ns: int = 0

    def turn(self, number: int) -> Turn:
        """The turn of that number, from 1."""
        return self.turns[number - 1]


_REMEMBERED_MAX = 16
_remembered: dict[tuple[str, int], Plan] = {}
_by_itself: dict[tuple[int, int], tuple[Scenario, Plan]] = {}
"""The same by the very scenario: to write one out costs more than all else here."""


def plan(scenario: Scenario, seed: int) -> Plan:
    """Work out the whole script. The last few are remembered: a sweep asks a thousand times."""
    scenario_itself, known = _by_itself.get((id(scenario), seed), (None, None))
    if known is not None and scenario_itself is scenario:
        return known
    found = _by_content(scenario, seed)
    if len(_by_itself) >= _REMEMBERED_MAX:
        _by_itself.clear()
    _by_itself[id(scenario), seed] = scenario, found
    return found


def _by_content(scenario: Scenario, seed: int) -> Plan:
    key = (scenario.model_dump_json(), seed)
    found = _remembered.get(key)
    if found is None:
        if len(_remembered) >= _REMEMBERED_MAX:
            _remembered.clear()
        found = _remembered[key] = _work_out(scenario, seed)
    return found


def _work_out(scenario: Scenario, seed: int) -> Plan:
    turns: list[Turn] = []
    pause_ns = 0
    for line, pause, user, reply in _spoken(scenario):
        pause_ns += pause
        if user is None or reply is None:
            continue
        number = len(turns) + 1
        place = f"{seed}/{number}"
        steps = tuple(
            _step(scenario, step, f"{place}/{index}") for index, step in enumerate(_steps(reply))
        )
        turns.append(
            Turn(
                number,
                line,
                f"m{number:05d}",
                speak(user, f"{place}/user"),
                steps,
                pause_ns,
                _pinned(scenario, line),
            )
        )
        pause_ns = 0
    return Plan(tuple(turns), pause_ns)


def count_turns(scenario: Scenario) -> int:
    """How many turns the script has, without working it out."""
    return sum(1 for _line, _pause, user, _reply in _spoken(scenario) if user is not None)


def _spoken(scenario: Scenario) -> Iterator[tuple[int, int, Text | None, Reply | None]]:
    for index, line in enumerate(scenario.script):
        if isinstance(line, Wait):
            yield index, line.wait, None, None
        elif isinstance(line, Repeat):
            for _ in range(line.repeat):
                yield index, line.every, line.user, line.reply
        else:
            yield index, 0, line.user, line.reply


def _pinned(scenario: Scenario, line: int) -> bool:
    spoken = scenario.script[line]
    return isinstance(spoken, Say) and spoken.pin


def _steps(reply: Reply) -> tuple[Step, ...]:
    return (reply,) if isinstance(reply, Step) else reply


def _step(scenario: Scenario, step: Step, place: str) -> PlannedStep:
    text: str | None = step.text
    if step.words is not None:
        text = speak(Words(words=step.words, locale=step.locale), f"{place}/text")
    calls = tuple(
        PlannedCall(_call_id(f"{place}/{index}"), call.tool, dict(call.input))
        for index, call in enumerate(step.calls)
    )
    return PlannedStep(
        text=text,
        calls=calls,
        think=None if step.think is None else speak(step.think, f"{place}/think"),
        stop=step.stop,
        stop_details=step.stop_details,
        first_token_ns=scenario.model.first_token if step.first_token is None else step.first_token,
        tokens_per_second=step.tokens_per_second or scenario.model.tokens_per_second,
    )


def _call_id(place: str) -> str:
    return "toolu_01" + hashlib.sha256(place.encode()).hexdigest()[:22]


@cache
def _faker(locale: str) -> Faker:
    from faker import Faker

    return Faker(locale)


def known_locale(locale: str) -> bool:
    """Whether Faker speaks it."""
    try:
        _faker(locale)
    except AttributeError:
        return False
    return True


def speak(text: str | Words, place: str) -> str:
    """The words of a text; `place` seeds them. A plain string is itself."""
    if isinstance(text, str):
        return text
    draw = random.Random(place)
    least, most = text.words if isinstance(text.words, tuple) else (text.words, text.words)
    wanted = draw.randint(least, most)
    words: list[str] = []
    # One generator a locale, shared by the threads of a run: seeding and speaking are one act.
    with _ONE_SPEAKER:
        faker = _faker(text.locale)
        faker.seed_instance(draw.getrandbits(63))
        while wanted > 0:
            length = min(wanted, draw.randint(6, 18))
            sentence = faker.words(nb=length)
            words.append(" ".join(sentence).capitalize() + ".")
            wanted -= length
    return " ".join(words)
