"""Scenarios that nobody wrote: Hypothesis draws a script, the stack's settings and what goes wrong.

What is drawn is fair: texts that the API accepts, budgets that hold the largest message that may
not be shortened, a fault on a turn that there is. Beyond that it is as unkind as the field: calls
in parallel, thinking, odd Unicode, pastes, refusals, gaps of days, talks that outgrow their window;
what goes wrong stands in `trouble.py`. A scenario given as a base keeps its script and its
expectations lose their hold: only settings and faults are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from harness.lab.explore.trouble import troubles
from harness.scenario.plan import count_turns
from harness.scenario.schema import Scenario

LINES_MAX = 6
REPEAT_MAX = 14

TOOLS: dict[str, dict[str, Any]] = {
    "pay": {"returns": {"paid": True}, "takes": "5s", "contract": "at_most_once"},
    "send_mail": {"returns": "sent", "takes": "2s", "contract": "at_least_once"},
    "take_note": {"returns": {"noted": True}, "contract": "idempotent"},
    "read_page": {"words": 1500, "takes": "1s", "contract": "idempotent"},
}
"""One tool of each contract, and one that says more than a small window holds."""
_ODD = (
    "a line\u2028and a paragraph\u2029in one",
    "日本語と中文と한국어",
    "👩‍👩‍👧‍👦 and e\u0301 and \u202eright to left\u202c",
    'quotes " and \\ and {"role": "assistant"}',
    "two\nlines\r\nand\ta tab",
    "\ufeffa mark before, a zero byte's name: \\u0000",
)
_Drawn = st.SearchStrategy[dict[str, Any]]


def scenarios(base: Scenario | None = None) -> st.SearchStrategy[Scenario]:
    """All that may be tried: of any script, or of `base`'s."""
    return _invented() if base is None else _varied(base)


@st.composite
def _invented(draw: st.DrawFn) -> Scenario:
    script = draw(st.lists(_line(), min_size=1, max_size=LINES_MAX).filter(_speaks))
    data: dict[str, Any] = {
        "name": "an invented conversation",
        "seed": draw(st.integers(0, 99)),
        "stack": draw(_stack()),
        "script": script,
        "expect": {"answers_cut_short": 0},
    }
    if used := _tools_of(script):
        data["tools"] = {name: TOOLS[name] for name in TOOLS if name in used}
    turns = count_turns(Scenario.model_validate(data))
    data["faults"] = draw(troubles(turns, bool(used)))
    return Scenario.model_validate(data)


@st.composite
def _varied(draw: st.DrawFn, base: Scenario) -> Scenario:
    data = base.dump()
    data.pop("expect", None)
    data.pop("sweep", None)
    system = {
        key: data.get("stack", {})[key] for key in ("system",) if key in data.get("stack", {})
    }
    data["stack"] = {**draw(_stack()), **system}
    data["faults"] = draw(troubles(count_turns(base), bool(base.tools)))
    return Scenario.model_validate(data)


def _speaks(script: Sequence[dict[str, Any]]) -> bool:
    return any("wait" not in line for line in script)


def _tools_of(script: Sequence[dict[str, Any]]) -> set[str]:
    steps = [
        step
        for line in script
        if "reply" in line
        for step in (line["reply"] if isinstance(line["reply"], list) else [line["reply"]])
    ]
    calls = [call for step in steps for call in step.get("tools", [])]
    return {step["tool"] for step in steps if "tool" in step} | {call["tool"] for call in calls}


def _stack() -> _Drawn:
    return st.fixed_dictionaries(
        {},
        optional={
            "window_tokens": st.sampled_from((3000, 4000, 8000, 20_000)),
            "checkpoint_every": st.integers(1, 4),
            "max_tokens": st.sampled_from((120, 256, 1024)),
            "system": st.sampled_from(("You are brief.", "You take orders for a restaurant. " * 8)),
        },
    )


def _line() -> _Drawn:
    say = st.fixed_dictionaries({"user": _user(), "reply": _reply()})
    repeat = st.fixed_dictionaries(
        {
            "repeat": st.integers(2, REPEAT_MAX),
            "every": st.sampled_from(("1m", "6m", "2h")),
            "user": _words(5, 90),
            "reply": _words(5, 120),
        }
    )
    wait = st.fixed_dictionaries({"wait": st.sampled_from(("30s", "10m", "5h", "2d"))})
    return st.one_of(say, repeat, wait)


def _words(least: int, most: int) -> _Drawn:
    return st.integers(least, most).map(lambda words: {"words": words})


def _user() -> st.SearchStrategy[str | dict[str, Any]]:
    spoken = st.builds(
        lambda words, locale: {"words": words, "locale": locale},
        st.integers(1, 120),
        st.sampled_from(("en_US", "ja_JP", "de_DE")),
    )
    paste = _words(1500, 2500)
    return st.one_of(st.sampled_from(("Yes.", "Pay bob.", " \n ", *_ODD)), spoken, spoken, paste)


def _reply() -> st.SearchStrategy[Any]:
    said = st.one_of(
        st.sampled_from(("Done.", *_ODD)).map(lambda text: {"text": text}), _words(1, 250)
    )
    refused = st.one_of(st.just({"stop": "refusal"}), said.map(_refused))
    thought = st.builds(lambda words, step: {"think": {"words": words}, **step}, _count(30), said)
    paused = st.builds(lambda one, two: [{**one, "stop": "pause_turn"}, two], said, said)
    called = st.lists(_calls(), min_size=1, max_size=2).flatmap(
        lambda steps: said.map(lambda last: [*steps, last])
    )
    return st.one_of(said, called, called, thought, paused, refused)


def _refused(step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "stop": "refusal"}


def _calls() -> _Drawn:
    call = st.builds(
        lambda tool, amount: {"tool": tool, "input": {"amount": amount}},
        st.sampled_from(sorted(TOOLS)),
        st.integers(0, 3),
    )
    several = st.lists(call, min_size=2, max_size=3).map(lambda calls: {"tools": calls})
    return st.one_of(call, call.map(lambda one: {"text": "One moment.", **one}), several)


def _count(most: int) -> st.SearchStrategy[int]:
    return st.integers(1, most)
