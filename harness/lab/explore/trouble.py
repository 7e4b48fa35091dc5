"""What goes wrong in a scenario that nobody wrote: a handful of faults, on turns that there are.

Deaths at every boundary and in disk operations, over every tier; errors of the disk, the API and
the network; replies that break off; files that go bad at rest, clocks set wrong, messages delivered
again, neighbours. Several processes on one session want their turns and the disk to themselves, so
where they are drawn little else is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

FAULTS_MAX = 4
TOGETHER_TURNS_MIN = 3
OPERATIONS = ("write", "fsync", "rename", "create")
TIERS = ("kill", "kill", "ext4", "posix")
"""A kill forgets nothing that was written, and is what most deaths are."""

_AT_THE_MODEL = ("request.sent", "reply.started", "reply.received")
_AT_THE_USER = ("user.received", "reply.delivered")
_STORED = ("user.stored", "reply.stored", "checkpoint.stored")
_AT_TOOLS = ("tool.called", "tool.done", "result.stored")
_Fault = dict[str, Any]
_Drawn = st.SearchStrategy[_Fault]
_Turn = st.SearchStrategy[int]


def troubles(turns: int, tools: bool) -> st.SearchStrategy[list[_Fault]]:
    """What goes wrong in a conversation of so many turns, with tools or without."""
    turn = st.integers(1, turns)
    kinds: list[Callable[[_Turn], _Drawn]] = [
        _at_a_boundary((*_AT_THE_MODEL, *_AT_THE_USER)),
        _at_a_boundary(_STORED),
        _in_an_operation,
        _torn,
        _disk,
        _http,
        _stream,
        _damage,
        _clock,
        _neighbour,
    ]
    if tools:
        kinds += [_tool, _at_a_boundary(_AT_TOOLS)]
    one = [kind(turn) for kind in kinds]
    if turns > 1:
        one.append(_again(turns))
    several = st.integers(1, FAULTS_MAX).flatmap(
        lambda count: st.lists(st.one_of(*one), min_size=count, max_size=count)
    )
    if turns < TOGETHER_TURNS_MIN:
        return several
    return st.integers(0, 9).flatmap(lambda die: several if die else _together(turns))


def _at_a_boundary(places: Sequence[str]) -> Callable[[_Turn], _Drawn]:
    def crash(turn: _Turn) -> _Drawn:
        return st.builds(_crash, turn, st.sampled_from(places), st.sampled_from(TIERS))

    return crash


def _crash(turn: int, at: str, disk: str) -> _Fault:
    return {"crash": {"turn": turn, "at": at, **({} if disk == "kill" else {"disk": disk})}}


def _in_an_operation(turn: _Turn) -> _Drawn:
    return st.builds(
        lambda turn, kind, nth, disk: _crash(turn, f"{kind} * #{nth}", disk),
        turn,
        st.sampled_from(OPERATIONS),
        st.integers(1, 4),
        st.sampled_from(TIERS),
    )


def _torn(turn: _Turn) -> _Drawn:
    return st.builds(
        lambda turn, nth, torn: {"crash": {"turn": turn, "at": f"write * #{nth}", "torn": torn}},
        turn,
        st.integers(1, 4),
        st.sampled_from((1, 40, -1, -2)),
    )


def _disk(turn: _Turn) -> _Drawn:
    return st.builds(
        lambda turn, on, error: {"disk": {"turn": turn, "on": on, "error": error}},
        turn,
        st.sampled_from(("write", "fsync", "create")),
        st.sampled_from(("ENOSPC", "EIO", "short", "slow")),
    )


def _http(turn: _Turn) -> _Drawn:
    status = st.builds(
        lambda turn, status, times: {"http": {"turn": turn, "status": status, "times": times}},
        turn,
        st.sampled_from((429, 500, 529, 400)),
        st.sampled_from((1, 2, 3, 4, 60)),
    )
    network = st.builds(
        lambda turn, network: {"http": {"turn": turn, "network": network}},
        turn,
        st.sampled_from(("connect_error", "reset", "hang")),
    )
    return st.one_of(status, network)


def _stream(turn: _Turn) -> _Drawn:
    return st.builds(
        lambda turn, cut, after: {"stream": {"turn": turn, "cut": cut, "after_chars": after}},
        turn,
        st.sampled_from(("reset", "eof")),
        st.integers(0, 40),
    )


def _tool(turn: _Turn) -> _Drawn:
    return st.builds(
        lambda turn, crash, call: {"tool": {"turn": turn, "crash": crash, "call": call}},
        turn,
        st.sampled_from(("before", "during", "after_effect")),
        st.integers(1, 3),
    )


def _damage(turn: _Turn) -> _Drawn:
    """In the largest file there is, which is the log: a spare copy may go bad unnoticed."""
    return st.builds(
        lambda turn, what, at: {"damage": {"turn": turn, "what": what, "at": at}},
        turn,
        st.sampled_from(("garbage", "nul")),
        st.sampled_from((0.1, 0.5, 0.9)),
    )


def _clock(turn: _Turn) -> _Drawn:
    return st.builds(
        lambda turn, jump: {"clock": {"turn": turn, "jump": jump}},
        turn,
        st.sampled_from(("-2h", "-30d", "3h")),
    )


def _neighbour(turn: _Turn) -> _Drawn:
    return st.builds(
        lambda turn, session: {
            "neighbour": {"turn": turn, "session": session, "says": "This is somebody else."}
        },
        turn,
        st.sampled_from(("Session-1", "session", "session-1.b")),
    )


def _again(turns: int) -> _Drawn:
    return st.integers(2, turns).flatmap(
        lambda turn: st.integers(1, turn - 1).map(
            lambda of: {"redelivery": {"turn": turn, "of": of}}
        )
    )


def _together(turns: int) -> st.SearchStrategy[list[_Fault]]:
    """Several processes at once, and a death in another turn."""
    return st.builds(
        lambda turn, at, dies: [
            {"writer": {"turn": turn, "sessions": 2}},
            *([{"crash": {"turn": dies, "at": at}}] if dies not in (turn, turn + 1) else []),
        ],
        st.integers(1, turns - 1),
        st.sampled_from((*_AT_THE_MODEL, *_AT_THE_USER)),
        st.integers(1, turns),
    )
