"""What goes wrong in a scenario that nobody wrote: one strong thing, and often a death after it.

Each kind of trouble is drawn from what the talk really holds: a death at a tool where a tool is
called, a rename where a checkpoint is due, an error where the model is asked. A fault that cannot
fire proves nothing. What went wrong shows after a restart, so a plain death in a later turn follows
most of it; a heap of faults hides more than it shows, so that is all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from harness.lab.explore.talk import Draw, Spoken

FAULTS_MAX = 4
TIERS = ("kill", "kill", "ext4", "posix")
"""A kill forgets nothing that was written, and is what most deaths are."""
LONG_FROM = 8
_BEFORE = ("user.received", "request.sent", "reply.started")
_AFTER = ("reply.received", "reply.delivered")
_BETWEEN = (*_BEFORE, *_AFTER)
_STORED = ("user.stored", "reply.stored")
_CLOCKS = ("-2h", "-30d", "3h")
_Fault = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where trouble may fall: the turns, and how often a checkpoint is due (None: unknown)."""

    turns: Sequence[Spoken]
    every: int | None = None

    @property
    def asking(self) -> list[Spoken]:
        """The turns in which the model is asked."""
        return [turn for turn in self.turns if turn.asks]

    @property
    def early(self) -> list[Spoken]:
        """Those after which there is another one."""
        return self.asking[:-1] or self.asking

    @property
    def working(self) -> list[Spoken]:
        """Those in which a tool is called."""
        return [turn for turn in self.asking if turn.calls]

    def saves(self, turn: Spoken) -> bool:
        """Whether a checkpoint is due at the end of a turn."""
        return bool(self.every and turn.plain and turn.number % self.every == 0)


@dataclass(frozen=True)
class Trouble:
    """A kind of trouble: how it is drawn, and what it needs of the talk."""

    draw: Callable[[Draw, Place], list[_Fault]]
    tools: bool = False
    turns_min: int = 1

    def fits(self, place: Place) -> bool:
        """Whether it can befall this talk."""
        enough = len(place.asking) >= self.turns_min
        return enough and (bool(place.working) or not self.tools)


def _pick(draw: Draw, turns: Sequence[Spoken]) -> Spoken:
    """One of these turns: half of the time one of those that the talk is about."""
    special = [turn for turn in turns if turn.special]
    hot: bool = draw(st.booleans())
    return _one_of(draw, special if special and hot else turns)


def _pick_saving(draw: Draw, place: Place) -> Spoken:
    """An early turn: half of the time one at whose end a checkpoint is due."""
    saving = [turn for turn in place.early if place.saves(turn)]
    due: bool = draw(st.booleans())
    return _one_of(draw, saving) if saving and due else _pick(draw, place.early)


def _one_of(draw: Draw, turns: Sequence[Spoken]) -> Spoken:
    return draw(st.sampled_from(turns))


def _crash(draw: Draw, turn: int, at: str, tiers: Sequence[str] = TIERS, **more: Any) -> _Fault:
    """A death, of the process or of the machine."""
    disk = draw(st.sampled_from(tiers))
    return {"crash": {"turn": turn, "at": at, **({} if disk == "kill" else {"disk": disk}), **more}}


def _then(
    draw: Draw,
    place: Place,
    turn: int,
    *,
    always: bool = False,
    tiers: Sequence[str] = TIERS,
) -> list[_Fault]:
    """A death on the way in a later turn, most of the time."""
    later = [each.number for each in place.asking if each.number > turn]
    if not later or not (always or draw(st.integers(0, 3))):
        return []
    return [_crash(draw, draw(st.sampled_from(later)), draw(st.sampled_from(_BETWEEN)), tiers)]


def between(draw: Draw, place: Place) -> list[_Fault]:
    """A death on the way between user, stack and model."""
    turn = _pick(draw, place.asking).number
    return [_crash(draw, turn, draw(st.sampled_from(_BETWEEN))), *_then(draw, place, turn)]


def stored(draw: Draw, place: Place) -> list[_Fault]:
    """A death when something has just been stored."""
    turn = _pick_saving(draw, place)
    at = [*_STORED, *(["checkpoint.stored"] * 2 if place.saves(turn) else [])]
    at += ["result.stored"] * 2 if turn.calls else []
    return [_crash(draw, turn.number, draw(st.sampled_from(at))), *_then(draw, place, turn.number)]


def at_a_tool(draw: Draw, place: Place) -> list[_Fault]:
    """A death around a tool's call, and perhaps another when the turn is over."""
    turn = _pick(draw, place.working)
    call = draw(st.integers(1, turn.calls))
    when = draw(st.sampled_from(("before", "during", "after_effect", "after_effect", "stored")))
    at = {"before": f"tool.called #{call}", "after_effect": f"tool.done #{call}"}.get(when)
    if when == "stored":
        fault = _crash(draw, turn.number, "result.stored")
    elif at is not None and draw(st.booleans()):
        fault = _crash(draw, turn.number, at, TIERS[2:])
    else:
        fault = {"tool": {"turn": turn.number, "crash": when, "call": call}}
    return [fault, *_then(draw, place, turn.number)]


def in_an_operation(draw: Draw, place: Place) -> list[_Fault]:
    """A death in a disk operation, done in part or not at all."""
    turn = _pick_saving(draw, place)
    at = _operation(draw, place, turn)
    torn = draw(st.sampled_from((None, 1, 40, -1, -2))) if at.startswith("write") else None
    if torn is None:
        fault = _crash(draw, turn.number, at)
    else:
        fault = _crash(draw, turn.number, at, ("kill",), torn=torn)
    return [fault, *_then(draw, place, turn.number)]


def _operation(draw: Draw, place: Place, turn: Spoken) -> str:
    """A message is a write and a barrier; a checkpoint may be a new file with another's name."""
    messages = 2 + 2 * turn.calls
    kinds = ["write", "write", "fsync"]
    kinds += ["rename", "create"] if place.saves(turn) else []
    kind = draw(st.sampled_from(kinds))
    nth = draw(st.integers(1, messages)) if kind in ("write", "fsync") else 1
    return f"{kind} * #{nth}"


def several(draw: Draw, place: Place) -> list[_Fault]:
    """Two or three deaths: one after another in a turn, or in turns that follow each other."""
    turn = _pick(draw, place.asking)
    if draw(st.booleans()):
        at = sorted({draw(st.integers(0, 4)) for _ in range(3)})
        return [_crash(draw, turn.number, _BETWEEN[index]) for index in at]
    row = [each for each in place.asking if each.number >= turn.number][:3]
    return [_crash(draw, each.number, draw(st.sampled_from((*_BETWEEN, *_STORED)))) for each in row]


def disk_error(draw: Draw, place: Place) -> list[_Fault]:
    """The disk is full, or broken, for a moment; the process dies later."""
    turn = _pick_saving(draw, place)
    on = ["write", "write", "fsync", *(["create", "rename"] if place.saves(turn) else [])]
    error = draw(st.sampled_from(("ENOSPC", "EIO")))
    fault = {"disk": {"turn": turn.number, "on": draw(st.sampled_from(on)), "error": error}}
    return [fault, *_then(draw, place, turn.number)]


def half_written(draw: Draw, place: Place) -> list[_Fault]:
    """A write that is done in part, or takes seconds; the process dies in the next turn or so."""
    turn = _pick(draw, place.early)
    error = draw(st.sampled_from(("short", "short", "slow")))
    fault = {"disk": {"turn": turn.number, "on": "write", "error": error}}
    return [fault, *_then(draw, place, turn.number, always=True)]


def passing(draw: Draw, place: Place) -> list[_Fault]:
    """The API or the network fails, and is back soon."""
    turn = _pick(draw, place.early).number
    what: _Fault = draw(
        st.sampled_from(
            [{"status": status} for status in (429, 500, 503, 529)]
            + [{"network": network} for network in ("connect_error", "reset", "hang")]
        )
    )
    times = draw(st.integers(1, 4))
    fault = {"http": {"turn": turn, **what, **({"times": times} if times > 1 else {})}}
    return [fault, *_then(draw, place, turn)]


def outage(draw: Draw, place: Place) -> list[_Fault]:
    """The API is down for longer than anybody should wait."""
    turn = _pick(draw, place.early).number
    status = draw(st.sampled_from((429, 500, 529)))
    return [{"http": {"turn": turn, "status": status, "times": draw(st.sampled_from((30, 200)))}}]


def refused(draw: Draw, place: Place) -> list[_Fault]:
    """The API refuses a message, or finds it too long; the talk goes on."""
    turn = _pick(draw, place.early).number
    # Too long is what a prompt may be when much has been said.
    status = draw(st.sampled_from((400, 413) if turn > LONG_FROM else (400,)))
    times = draw(st.sampled_from((1, 1, 2, 40)))
    fault = {"http": {"turn": turn, "status": status, **({"times": times} if times > 1 else {})}}
    return [fault, *_then(draw, place, turn)]


def stream(draw: Draw, place: Place) -> list[_Fault]:
    """A reply breaks off on its way."""
    turn = _pick(draw, place.early).number
    how = draw(st.sampled_from(({"cut": "reset"}, {"cut": "eof"}, {"error": "overloaded_error"})))
    after = draw(st.sampled_from((0, 1, 5, 30)))
    return [{"stream": {"turn": turn, **how, "after_chars": after}}, *_then(draw, place, turn)]


def damage(draw: Draw, place: Place) -> list[_Fault]:
    """A file goes bad at rest: the largest there is, which is the log; a spare may go unnoticed."""
    turn = _pick(draw, place.asking[1:]).number
    what = draw(st.sampled_from(("garbage", "nul", "flip", "flip")))
    return [{"damage": {"turn": turn, "what": what, "at": draw(st.sampled_from((0.1, 0.5, 0.9)))}}]


def clock(draw: Draw, place: Place) -> list[_Fault]:
    """The machine's clock is set, and the API asks to wait, or the process dies."""
    turn = _pick(draw, place.early).number
    jump = {"clock": {"turn": turn, "jump": draw(st.sampled_from(_CLOCKS))}}
    if draw(st.booleans()):
        return [jump, {"http": {"turn": turn, "status": 429, "retry_after": "30s"}}]
    return [jump, *_then(draw, place, turn, always=True)]


def neighbour(draw: Draw, place: Place) -> list[_Fault]:
    """Somebody else speaks in the same home, under a name that is nearly the same."""
    turn = _pick(draw, place.early).number
    session = draw(st.sampled_from(("Session-1", "session", "session-1.b", "session-1/../other")))
    says = "This is somebody else."
    fault = {"neighbour": {"turn": turn, "session": session, "says": says}}
    return [fault, *_then(draw, place, turn, tiers=("kill",))]


def again(draw: Draw, place: Place) -> list[_Fault]:
    """An old message is delivered once more, at a process that was started for it."""
    turn = _pick(draw, place.asking[1:]).number
    old = [each for each in place.asking if each.number < turn]
    of = _pick(draw, draw(st.sampled_from((old, old[:2])))).number
    return [{"redelivery": {"turn": turn, "of": of}}, *_then(draw, place, turn)]


def together(draw: Draw, place: Place) -> list[_Fault]:
    """Several processes at once, and a death in another turn; they want the disk to themselves."""
    turn = draw(st.integers(1, len(place.turns) - 1))
    fault = {"writer": {"turn": turn, "sessions": 2}}
    return [fault, *_then(draw, place, turn + 1, always=True, tiers=("kill",))]


def nothing(_draw: Draw, _place: Place) -> list[_Fault]:
    """Nothing goes wrong."""
    return []


TROUBLES: Mapping[str, Trouble] = {
    "between": Trouble(between),
    "stored": Trouble(stored),
    "at a tool": Trouble(at_a_tool, tools=True),
    "in an operation": Trouble(in_an_operation),
    "several": Trouble(several),
    "disk error": Trouble(disk_error),
    "half written": Trouble(half_written),
    "passing": Trouble(passing),
    "outage": Trouble(outage, turns_min=2),
    "refused": Trouble(refused, turns_min=2),
    "stream": Trouble(stream),
    "damage": Trouble(damage, turns_min=2),
    "clock": Trouble(clock),
    "neighbour": Trouble(neighbour),
    "again": Trouble(again, turns_min=2),
    "together": Trouble(together, turns_min=3),
    "nothing": Trouble(nothing),
}
"""Every kind, by its name."""
