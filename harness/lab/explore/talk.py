"""What is said in a scenario that nobody wrote: short talks, tools, long ones, pastes, odd ones.

Each kind of talk has one thing about it, and is plain beside that. What is drawn is fair: texts
that the API accepts, windows that hold the largest message that may not be shortened, a last turn
or two in which what went wrong before can show. Beyond that it is as unkind as the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from harness.scenario.schema import Say, Scenario, Step, Wait, Words

Line = dict[str, Any]
Draw = st.DrawFn

TOOLS: dict[str, dict[str, Any]] = {
    "pay": {"returns": {"paid": True}, "takes": "5s", "contract": "at_most_once"},
    "send_mail": {"returns": "sent", "takes": "2s", "contract": "at_least_once"},
    "take_note": {"returns": {"noted": True}, "contract": "idempotent"},
    "read_page": {"words": 2500, "takes": "1s", "contract": "idempotent"},
}
"""One tool of each contract, and one that says more than a small window holds."""
ODD = (
    "a line\u2028and a paragraph\u2029in one",
    "日本語と中文と한국어",
    "👩‍👩‍👧‍👦 and e\u0301 and \u202eright to left\u202c",
    'quotes " and \\ and {"role": "assistant"}',
    "two\nlines\r\nand\ta tab",
    "\ufeffa mark before, a zero byte's name: \\u0000",
)
GAPS = ("20s", "3m", "30m", "5h", "2d")
"""Within the life of a cached prompt, about as long, and far beyond it."""
LOCALES = (*("en_US",) * 6, "de_DE", "ja_JP")
LONG_MAX = 26
MUCH_WORDS = 200
_DOERS = ("pay", "send_mail", "take_note")


@dataclass(frozen=True)
class Talk:
    """A script, the settings without which it would not be what it is, and what else it needs."""

    script: Sequence[Line]
    stack: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spoken:
    """What a turn offers to whatever may go wrong in it.

    `asks`: the model is asked in it; `calls`: so many tool calls; `plain`: it ends with an answer
    in words, and so do all turns before it; `special`: it is what the talk is about.
    """

    number: int
    asks: bool
    calls: int
    plain: bool
    special: bool = False


def spoken(scenario: Scenario) -> tuple[Spoken, ...]:
    """The turns of a script, without speaking them."""
    turns: list[Spoken] = []
    plain = True
    for line in scenario.script:
        if isinstance(line, Wait):
            continue
        steps = (line.reply,) if isinstance(line.reply, Step) else line.reply
        asks = not isinstance(line.user, str) or bool(line.user.strip())
        plain = plain and asks and all(step.stop is None for step in steps)
        calls = sum(len(step.calls) for step in steps)
        special = not asks or any(map(_is_special, (line.user, *steps)))
        for _ in range(1 if isinstance(line, Say) else line.repeat):
            turns.append(Spoken(len(turns) + 1, asks, calls, plain, special))
    return tuple(turns)


def _is_special(said: str | Words | Step) -> bool:
    """Whether a message or a reply is more than a few plain words."""
    if isinstance(said, str):
        return said in ODD
    if isinstance(said, Step) and (said.calls or said.think or said.stop or said.text in ODD):
        return True
    return isinstance(said.words, int) and said.words > MUCH_WORDS


def short(draw: Draw) -> Talk:
    """Two to six plain turns, with pauses."""
    return Talk(_paced(draw, _few(draw, _plain, 2, 6)))


def busy(draw: Draw) -> Talk:
    """Tools: one, several in a row, several at once, among a few plain turns."""
    lines = [*_few(draw, _plain, 0, 2), *_few(draw, _working, 1, 3), *_few(draw, _plain, 1, 3)]
    return Talk(_paced(draw, lines))


def odd(draw: Draw) -> Talk:
    """Unicode, refusals, pauses, thinking, a message that is blank."""
    one = draw(
        st.sampled_from((_strange, _strange, _refused, _refused, _paused, _thoughtful, _blank))
    )
    other = draw(st.sampled_from((_strange, _plain, _thoughtful, _working)))
    return Talk(_paced(draw, [*_few(draw, _plain, 0, 1), one(draw), other(draw), _plain(draw)]))


def halting(draw: Draw) -> Talk:
    """Answers longer than one reply may be, so that they come in pieces."""
    long = _say({"words": draw(st.integers(201, 320))}, words=draw(st.integers(5, 40)))
    rest = draw(st.sampled_from((_plain, _working, _strange)))(draw)
    most = draw(st.sampled_from((120, 200)))
    return Talk(
        _paced(draw, [*_few(draw, _plain, 0, 1), long, rest, _plain(draw)]), {"max_tokens": most}
    )


def huge(draw: Draw) -> Talk:
    """One message or one tool's result that is larger than the window, or nearly."""
    paste = _say(_answer(draw), words=draw(st.integers(2000, 3000)))
    read = _called(draw, [{"tool": "read_page", "input": {"page": draw(st.integers(1, 3))}}])
    lines = [
        *_few(draw, _plain, 0, 3),
        draw(st.sampled_from((paste, read))),
        *_few(draw, _plain, 1, 3),
    ]
    return Talk(_paced(draw, lines), {"window_tokens": draw(st.sampled_from((3000, 4000)))})


def long(draw: Draw) -> Talk:
    """More than a small window holds: it is cut, perhaps several times."""
    window = draw(st.sampled_from((3000, 4000, 5000)))
    lines = [_pinned(draw)] if draw(st.booleans()) else []
    lines.append(_many(draw, 14, LONG_MAX))
    between = draw(st.sampled_from(((), (_working,), (_working, _plain), (_thoughtful,))))
    lines += [one(draw) for one in between]
    lines.append(_many(draw, 3, 12))
    lines.append(_plain(draw))
    return Talk(lines, {"window_tokens": window, "max_tokens": 600})


def _few(draw: Draw, kind: Callable[[Draw], Line], least: int, most: int) -> list[Line]:
    return [kind(draw) for _ in range(draw(st.integers(least, most)))]


def _paced(draw: Draw, lines: Sequence[Line]) -> list[Line]:
    """With a pause before some."""
    paced: list[Line] = []
    for index, line in enumerate(lines):
        if index and draw(st.integers(0, 2)) == 0:
            paced.append({"wait": draw(st.sampled_from(GAPS))})
        paced.append(line)
    return paced


def _say(reply: Any, words: int, locale: str = "en_US") -> Line:
    said: dict[str, Any] = {"words": words}
    if locale != "en_US":
        said["locale"] = locale
    return {"user": said, "reply": reply}


def _answer(draw: Draw) -> Line:
    """The last words of a turn."""
    return draw(st.sampled_from(({"text": "Done."}, {"words": 12}, {"words": 60}, {"words": 180})))


def _plain(draw: Draw) -> Line:
    locale = draw(st.sampled_from(LOCALES))
    return _say(_answer(draw), draw(st.integers(3, 80)), locale)


def _pinned(draw: Draw) -> Line:
    return {
        "user": f"Never forget: room {draw(st.integers(1, 99))}.",
        "pin": True,
        "reply": {"text": "Noted."},
    }


def _many(draw: Draw, least: int, most: int) -> Line:
    words, said = draw(st.integers(10, 60)), draw(st.integers(60, 140))
    reply: Line = {"words": [said // 2, said]}
    if draw(st.integers(0, 2)) == 0:
        reply["think"] = {"words": draw(st.integers(5, 30))}
    return {
        "repeat": draw(st.integers(least, most)),
        "every": draw(st.sampled_from(("1m", "4m", "2h"))),
        "user": {"words": [words // 2, words], "locale": draw(st.sampled_from(LOCALES))},
        "reply": reply,
    }


def _call(draw: Draw) -> Line:
    return {
        "tool": draw(st.sampled_from(_DOERS)),
        "input": {"amount": draw(st.integers(0, 3))},
    }


def _working(draw: Draw) -> Line:
    """A turn with tools: one call, one after another, several at once."""
    way = draw(st.sampled_from(("one", "talking", "row", "at once", "both")))
    if way == "one":
        return _called(draw, [_call(draw)])
    if way == "talking":
        return _called(draw, [{"text": "One moment.", **_call(draw)}])
    if way == "row":
        return _called(draw, [_call(draw), _call(draw)])
    several = {"tools": [_call(draw) for _ in range(draw(st.integers(2, 3)))]}
    return _called(draw, [several] if way == "at once" else [several, _call(draw)])


def _called(draw: Draw, steps: Sequence[Line]) -> Line:
    return _say([*steps, _answer(draw)], draw(st.integers(3, 40)))


def _strange(draw: Draw) -> Line:
    user = draw(st.sampled_from(ODD))
    return {
        "user": user,
        "reply": draw(st.sampled_from(({"text": draw(st.sampled_from(ODD))}, {"words": 40}))),
    }


def _refused(draw: Draw) -> Line:
    return _say(draw(st.sampled_from(({"stop": "refusal"}, {"words": 9, "stop": "refusal"}))), 20)


def _paused(draw: Draw) -> Line:
    return _say([{"words": 30, "stop": "pause_turn"}, _answer(draw)], draw(st.integers(3, 40)))


def _thoughtful(draw: Draw) -> Line:
    think = {"words": draw(st.integers(5, 30))}
    steps = [{"think": think, **_call(draw)}, _answer(draw)]
    return _say(draw(st.sampled_from(({"think": think, "words": 40}, steps))), 20)


def _blank(_: Draw) -> Line:
    return {"user": " \n ", "reply": {"text": "Yes?"}}
