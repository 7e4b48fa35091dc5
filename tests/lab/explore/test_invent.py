"""What is invented is legal, has a fair share of everything, and is the same for the same seed."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from harness.lab.explore.invent import DECK, invented, scenarios
from harness.lab.explore.talk import ODD, spoken
from harness.lab.explore.trouble import TROUBLES
from harness.scenario.plan import count_turns
from harness.scenario.schema import Repeat, Say, Scenario, Step, Wait, Words
from harness.scenario.sense import complaints

SEEDS, CASES = range(10), 40
FIRST = 40
LONG_TURNS = 15

SHARES = {
    "nothing goes wrong": (2, 10),
    "a death": (60, 90),
    "deaths, several": (25, 65),
    "a death by power cut": (25, 55),
    "a death at a tool": (14, 40),
    "a death when something is stored": (5, 25),
    "a death in a disk operation": (4, 15),
    "a disk error": (4, 15),
    "a disk that writes half, or slowly": (2, 10),
    "an API or a network that fails": (8, 25),
    "a reply that breaks off": (2, 10),
    "damage at rest": (2, 10),
    "a clock set wrong": (2, 10),
    "a neighbour": (2, 10),
    "a message delivered again": (4, 12),
    "several processes at once": (2, 10),
    "a limit on turns, requests or age": (2, 10),
    "tools": (40, 75),
    "tools, several at once": (20, 50),
    "odd text": (5, 30),
    "another language": (30, 80),
    "a refusal, a pause or a blank": (3, 20),
    "thinking": (10, 40),
    "a pin": (5, 25),
    "a long talk in a small window": (20, 45),
    "a message or result larger than the window": (4, 15),
    "an answer in pieces": (2, 15),
    "a gap of hours": (30, 70),
    "two to five turns": (20, 60),
    "six turns to fourteen": (15, 60),
}
"""Of a hundred invented cases, at least and at most so many have it; most have several."""


@settings(max_examples=80, deadline=None)
@given(scenarios())
def test_every_invented_scenario_is_legal_and_survives_its_own_dump(scenario: Scenario) -> None:
    assert complaints(scenario) == []
    assert Scenario.model_validate(scenario.dump()) == scenario


def test_one_seed_invents_the_same_cases_twice_and_another_seed_others() -> None:
    first, again, other = (list(itertools.islice(invented(seed), 50)) for seed in (5, 5, 6))
    assert first == again
    assert first != other
    assert len({one.model_dump_json() for one in first}) == len(first)


def test_cases_follow_from_the_seed_whatever_else_is_loaded() -> None:
    """Hypothesis by itself mixes in the constants of all local modules of the process."""
    told = (
        "import hashlib, itertools\n"
        "from harness.lab.explore.invent import invented\n"
        "some = [one.model_dump_json() for one in itertools.islice(invented(1), 50)]\n"
        "print(hashlib.sha256(''.join(some).encode()).hexdigest())"
    )
    alone = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True
    ).stdout
    said: list[str] = []
    exec(told, {"print": said.append})
    assert said == [alone.strip()]


@pytest.fixture(scope="module")
def counts() -> Counter[str]:
    """How many of a hundred have each ingredient."""
    some = [one for seed in SEEDS for one in itertools.islice(invented(seed), CASES)]
    found = Counter(name for one in some for name in set(_ingredients(one)))
    return Counter({name: round(100 * count / len(some)) for name, count in found.items()})


@pytest.mark.parametrize("name", SHARES)
def test_everything_has_its_share(name: str, counts: Counter[str]) -> None:
    least, most = SHARES[name]
    assert least <= counts[name] <= most, counts


@pytest.mark.parametrize("seed", range(4))
def test_the_first_cases_of_any_seed_hold_every_kind_of_trouble(seed: int) -> None:
    assert {card.trouble for card in DECK} == set(TROUBLES)
    assert sum(card.count for card in DECK) <= FIRST
    some = [name for one in itertools.islice(invented(seed), FIRST) for name in _ingredients(one)]
    for name in ("tools", "odd text", "thinking", "a long talk in a small window"):
        assert name in some
    for name in SHARES:
        if name.startswith(("a death", "a disk", "damage", "a neighbour", "a clock", "several")):
            assert name in some


@pytest.mark.parametrize("tools", [{}, {"pay": {}}])
def test_a_base_keeps_its_script_and_gets_faults_on_its_own_turns(tools: dict[str, object]) -> None:
    reply: list[dict[str, object]] = [{"tool": "pay"}] if tools else []
    base = Scenario.model_validate(
        {
            "name": "mine",
            "tools": tools,
            "stack": {"system": "You are mine.", "options": {"mine": 1}},
            "script": [{"repeat": 3, "user": "hello", "reply": [*reply, {"text": "hi"}]}],
            "expect": {"lost_turns": 0},
        }
    )
    some = list(itertools.islice(invented(2, base), 50))
    for one in some:
        assert one.script == base.script
        assert (one.stack.system, one.stack.options) == ("You are mine.", {"mine": 1})
        assert one.expect.lost_turns is None
        assert complaints(one) == []
        assert all(fault.what.turn <= count_turns(base) for fault in one.faults)
    assert any(fault.kind == "tool" for one in some for fault in one.faults) is bool(tools)


def _ingredients(one: Scenario) -> Iterator[str]:
    yield from _of_faults(one)
    yield from _of_settings(one)
    for line in one.script:
        yield from _of_line(line)
    turns = len(spoken(one))
    if turns >= LONG_TURNS and (one.stack.window_tokens or 9999) <= 5000:
        yield "a long talk in a small window"
    if 2 <= turns <= 5:
        yield "two to five turns"
    if 6 <= turns < LONG_TURNS:
        yield "six turns to fourteen"


def _of_faults(one: Scenario) -> Iterator[str]:
    kinds = [fault.kind for fault in one.faults]
    if not kinds and not _is_limited(one):
        yield "nothing goes wrong"
    deaths = [fault for fault in one.faults if fault.kind in ("crash", "tool")]
    if deaths:
        yield "a death"
    if len(deaths) > 1:
        yield "deaths, several"
    named = {
        "http": "an API or a network that fails",
        "stream": "a reply that breaks off",
        "damage": "damage at rest",
        "clock": "a clock set wrong",
        "neighbour": "a neighbour",
        "redelivery": "a message delivered again",
        "writer": "several processes at once",
        "tool": "a death at a tool",
    }
    yield from (named[kind] for kind in kinds if kind in named)
    for fault in one.faults:
        if fault.disk is not None:
            half = fault.disk.error in ("short", "slow")
            yield "a disk that writes half, or slowly" if half else "a disk error"
        if fault.crash is not None:
            yield from _of_death(fault.crash.at, fault.crash.disk)


def _of_death(at: str, disk: str) -> Iterator[str]:
    if disk != "kill":
        yield "a death by power cut"
    if at.startswith("tool.") or at == "result.stored":
        yield "a death at a tool"
    if at.endswith(".stored"):
        yield "a death when something is stored"
    if "*" in at:
        yield "a death in a disk operation"


def _is_limited(one: Scenario) -> bool:
    stack = one.stack
    return bool(one.model.rate_limits or stack.turns_per_minute or stack.expire_after)


def _of_settings(one: Scenario) -> Iterator[str]:
    if _is_limited(one):
        yield "a limit on turns, requests or age"
    if one.stack.max_tokens is not None and one.stack.max_tokens <= 200:
        yield "an answer in pieces"


def _of_line(line: Say | Repeat | Wait) -> Iterator[str]:
    gap = line.wait if isinstance(line, Wait) else getattr(line, "every", 0)
    if gap >= 3_600_000_000_000:
        yield "a gap of hours"
    if isinstance(line, Wait):
        return
    if isinstance(line, Say) and line.pin:
        yield "a pin"
    if line.user in ODD:
        yield "odd text"
    if isinstance(line.user, Words):
        if line.user.locale != "en_US":
            yield "another language"
        if isinstance(line.user.words, int) and line.user.words >= 2000:
            yield "a message or result larger than the window"
    if isinstance(line.user, str) and not line.user.strip():
        yield "a refusal, a pause or a blank"
    for step in (line.reply,) if isinstance(line.reply, Step) else line.reply:
        yield from _of_step(step)


def _of_step(step: Step) -> Iterator[str]:
    if step.calls:
        yield "tools"
    if len(step.calls) > 1:
        yield "tools, several at once"
    if any(call.tool == "read_page" for call in step.calls):
        yield "a message or result larger than the window"
    if step.think is not None:
        yield "thinking"
    if step.stop in ("refusal", "pause_turn"):
        yield "a refusal, a pause or a blank"
    if step.text in ODD:
        yield "odd text"
