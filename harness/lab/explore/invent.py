"""Scenarios that nobody wrote: cards, each a talk and a trouble, dealt from a deck.

A deck holds every kind of trouble, on the talks where it bites; it is shuffled, dealt to its end,
and shuffled anew. So each ingredient has its share among the first few dozen cases, whatever the
seed, and what a card leaves open (words, turns, settings) is drawn. A scenario given as a base
keeps its script, and its expectations lose their hold: only settings and faults are drawn.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from harness.lab.explore import talk as talks
from harness.lab.explore.deal import deal
from harness.lab.explore.talk import TOOLS, Draw, Talk, spoken
from harness.lab.explore.trouble import TROUBLES, Place, Trouble
from harness.scenario.schema import Scenario

_STRIDE = 1_000_003
"""Seeds are so far apart that none deals another's cards."""
_Shape = Callable[[Draw], Talk]
_SYSTEMS = (None, None, "You are brief.", "You take orders for a restaurant. " * 8)


@dataclass(frozen=True)
class Card:
    """A trouble, by its name, the talks that it may befall, and how many such cards there are."""

    trouble: str
    talks: Sequence[_Shape]
    count: int = 1
    settings: Callable[[Draw], dict[str, Any]] | None = None


def _limits(draw: Draw) -> dict[str, Any]:
    """The API lets so much through in a minute; a session ends after a while."""
    api = {"model": {"rate_limits": {"requests": draw(st.integers(2, 4))}}}
    return draw(st.sampled_from((api, {"stack": {"expire_after": "1h"}})))


def _fence(draw: Draw) -> dict[str, Any]:
    """The stack lets so many turns through in a minute; who is turned away asks again."""
    return {"stack": {"turns_per_minute": draw(st.integers(1, 3))}}


_SHORT, _BUSY, _ODD, _LONG = talks.short, talks.busy, talks.odd, talks.long
_HUGE, _HALTING = talks.huge, talks.halting
DECK: tuple[Card, ...] = (
    Card("between", (_SHORT, _ODD, _BUSY)),
    Card("between", (_LONG,), 3),
    Card("between", (_HUGE,), 2),
    Card("between", (_HALTING,)),
    Card("between", (_ODD,)),
    Card("stored", (_SHORT, _BUSY, _LONG)),
    Card("at a tool", (_BUSY,), 7),
    Card("in an operation", (_SHORT, _BUSY, _ODD), 2),
    Card("several", (_SHORT, _BUSY, _LONG), 2),
    Card("disk error", (_SHORT, _BUSY), 2),
    Card("half written", (_SHORT, _BUSY)),
    Card("passing", (_SHORT, _BUSY, _HALTING)),
    Card("outage", (_SHORT, _BUSY)),
    Card("refused", (_SHORT, _BUSY)),
    Card("refused", (_LONG,)),
    Card("stream", (_BUSY, _HALTING), 1),
    Card("damage", (_SHORT, _BUSY, _LONG), 2),
    Card("clock", (_SHORT, _LONG)),
    Card("neighbour", (_SHORT, _BUSY)),
    Card("again", (_SHORT, _BUSY)),
    Card("again", (_LONG,)),
    Card("together", (_SHORT, _BUSY)),
    Card("nothing", (_LONG, _HUGE, _ODD)),
    Card("between", (_SHORT, _BUSY), 1, _limits),
    Card("nothing", (_SHORT, _BUSY), 1, _fence),
)
"""Every kind of trouble at least once, the deaths of tools and of long talks more often."""


def scenarios(base: Scenario | None = None) -> st.SearchStrategy[Scenario]:
    """All that may be tried: of any script, or of `base`'s."""
    return st.one_of(*_deck(base))


def invented(seed: int, base: Scenario | None = None) -> Iterator[Scenario]:
    """Scenarios without end, the same for the same seed."""
    deck = _deck(base)
    numbers = itertools.count(seed * _STRIDE)
    while True:
        for card in deal(st.permutations(deck), next(numbers)):
            yield deal(card, next(numbers))


def _deck(base: Scenario | None) -> list[st.SearchStrategy[Scenario]]:
    """Every card as often as it is in the deck; to a base, those that can befall it."""
    cards = [card for card in DECK for _ in range(card.count)]
    if base is None:
        return [_played(card) for card in cards]
    place = Place(spoken(base))
    troubles = [TROUBLES[card.trouble] for card in cards]
    return [_varied(base, trouble) for trouble in troubles if trouble.fits(place)]


@st.composite
def _played(draw: Draw, card: Card) -> Scenario:
    talk = draw(st.sampled_from(card.talks))(draw)
    more = {} if card.settings is None else card.settings(draw)
    every = draw(st.sampled_from((None, 1, 2, 3, 4)))
    data: dict[str, Any] = {
        "name": "an invented conversation",
        "seed": draw(st.integers(0, 99)),
        "model": {**talk.model, **more.get("model", {})},
        "stack": _stack(draw, {**talk.stack, **more.get("stack", {})}, every),
        "script": talk.script,
        "expect": {"answers_cut_short": 0},
    }
    if used := _tools_of(talk.script):
        data["tools"] = {name: TOOLS[name] for name in TOOLS if name in used}
    data = {key: value for key, value in data.items() if value or key not in ("model", "stack")}
    place = Place(spoken(Scenario.model_validate(data)), every)
    trouble = TROUBLES[card.trouble]
    data["faults"] = trouble.draw(draw, place) if trouble.fits(place) else []
    return Scenario.model_validate(data)


@st.composite
def _varied(draw: Draw, base: Scenario, trouble: Trouble) -> Scenario:
    data = base.dump()
    data.pop("expect", None)
    data.pop("sweep", None)
    every = draw(st.sampled_from((None, 1, 2, 3, 4)))
    window = draw(st.sampled_from(({}, {}, {"window_tokens": 4000}, {"window_tokens": 20_000})))
    stack = _stack(draw, window, every)
    own = data.get("stack", {})
    stack |= {key: own[key] for key in ("system", "options") if key in own}
    place = Place(spoken(base), every)
    return Scenario.model_validate({**data, "stack": stack, "faults": trouble.draw(draw, place)})


def _stack(draw: Draw, needed: dict[str, Any], every: int | None) -> dict[str, Any]:
    """The settings: what the talk needs, and what it leaves open."""
    stack = dict(needed)
    if every is not None:
        stack["checkpoint_every"] = every
    if (system := draw(st.sampled_from(_SYSTEMS))) is not None:
        stack["system"] = system
    return stack


def _tools_of(script: Sequence[dict[str, Any]]) -> set[str]:
    steps = [
        step
        for line in script
        if "reply" in line
        for step in (line["reply"] if isinstance(line["reply"], list) else [line["reply"]])
    ]
    calls = [call for step in steps for call in step.get("tools", [])]
    return {step["tool"] for step in steps if "tool" in step} | {call["tool"] for call in calls}
