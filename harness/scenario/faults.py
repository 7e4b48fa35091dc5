"""What may go wrong: deaths, errors of the API and of the disk, damage, a clock that is wrong.

Each names the user's turn it falls in, counted from 1 as spoken; one that never fires makes the run
invalid. How it is carried out stands in `lab/faults` and in the model.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from harness.scenario.units import Duration, Jump

BOUNDARIES = (
    "user.received",
    "user.stored",
    "request.sent",
    "reply.started",
    "reply.received",
    "reply.stored",
    "tool.called",
    "tool.done",
    "result.stored",
    "checkpoint.stored",
    "reply.delivered",
)
COUNTED = re.compile(r"(request\.sent|tool\.called|tool\.done)(?: #([1-9]\d*))?")
"""Boundaries that a turn may cross several times: `request.sent #2`."""
OPERATIONS = ("write", "fsync", "rename", "unlink", "truncate", "create")
OPERATION = re.compile(rf"({'|'.join(OPERATIONS)}) (\S+)(?: #([1-9]\d*))?")


def _point(value: str) -> str:
    if value in BOUNDARIES or COUNTED.fullmatch(value) or OPERATION.fullmatch(value):
        return value
    raise ValueError(
        f"a boundary ({', '.join(BOUNDARIES)}) or a disk operation such as 'write checkpoint' "
        f"({', '.join(OPERATIONS)} and a file name pattern)"
    )


Point = Annotated[str, AfterValidator(_point)]
TurnNumber = Annotated[int, Field(ge=1, description="a user's turn, counted from 1 as spoken")]


class Strict(BaseModel):
    """Frozen, and refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Crash(Strict):
    """The process dies at a boundary or a disk operation of a turn; `disk` says what survives.

    With `torn` the write at which it dies is done in part: so many bytes of it or, where negative,
    all but so many.
    """

    turn: TurnNumber
    at: Point
    disk: Literal["kill", "ext4", "posix"] = "kill"
    state: Annotated[int, Field(ge=1)] | None = None
    torn: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _tears_a_write(self) -> Self:
        if self.torn is not None and (self.torn == 0 or not self.at.startswith("write ")):
            raise ValueError('torn is how many bytes of a write are done: `at: "write FILE"`')
        return self


class Http(Strict):
    """The API answers `status` (or the network fails) for the first `times` attempts of a turn.

    400 and 413 are about the message: a later request that still carries it is an attempt too.
    """

    turn: TurnNumber
    status: Literal[400, 401, 403, 404, 409, 413, 429, 500, 503, 504, 529] | None = None
    network: Literal["connect_error", "connect_timeout", "reset", "hang"] | None = None
    times: Annotated[int, Field(ge=1, le=1000)] = 1
    retry_after: Duration | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.status is None) == (self.network is None):
            raise ValueError("either status or network")
        return self


class Stream(Strict):
    """The reply breaks off after so many characters: a cut, or an SSE `error` event."""

    turn: TurnNumber
    cut: Literal["reset", "eof", "hang"] | None = None
    error: str | None = None
    after_chars: Annotated[int, Field(ge=0)] = 0
    times: Annotated[int, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.cut is None) == (self.error is None):
            raise ValueError("either cut or error")
        return self


class Disk(Strict):
    """A disk operation of a turn fails."""

    turn: TurnNumber
    on: Literal["write", "fsync", "rename", "unlink", "truncate", "create"]
    error: Literal["ENOSPC", "EIO", "short", "slow"]


class ToolFault(Strict):
    """The process dies before, in the middle of, or after the effect of a tool call."""

    turn: TurnNumber
    crash: Literal["before", "during", "after_effect"]
    call: Annotated[int, Field(ge=1, description="the n-th call of the turn")] = 1


class Writer(Strict):
    """Several processes on one session: each sends one of the script's next messages, at once.

    They take turns at each `crossing` to user, model and tools, or at each disk `operation` too.
    """

    turn: TurnNumber
    sessions: Annotated[int, Field(ge=2, le=16)] = 2
    switch: Literal["crossing", "operation"] = "crossing"


class ClockJump(Strict):
    """The machine's wall clock is set forward or back, just before a turn; no time passes."""

    turn: TurnNumber
    jump: Jump


class Damage(Strict):
    """Between two lives a file goes bad where it lies: the process ends before a turn, bytes are
    changed, and the next one opens what is there.

    `file` names it by a pattern; of several the largest is meant. `what`: a few bytes of it turned
    to `garbage` or to `nul`, at this part of its length, or one bit of a letter there, so that it
    reads as another letter (`flip`), or all of it gone (`empty`).
    """

    turn: TurnNumber
    file: Annotated[str, Field(min_length=1)] = "*"
    what: Literal["garbage", "nul", "flip", "empty"] = "garbage"
    at: Annotated[float, Field(ge=0, le=1)] = 0.5


class Neighbour(Strict):
    """Before a turn somebody else speaks: another process, in the same home, in another session."""

    turn: TurnNumber
    session: Annotated[str, Field(min_length=1)]
    says: Annotated[str, Field(min_length=1)]


class Redelivery(Strict):
    """Before a turn an old message arrives once more, under its id, at a process that was started
    for it: whoever delivers messages at least once does so after hours, and after a restart.

    `of` is the turn that it was first said in. What comes back is nobody's to see.
    """

    turn: TurnNumber
    of: TurnNumber


class Fault(Strict):
    """Exactly one fault, under its own key."""

    crash: Crash | None = None
    http: Http | None = None
    stream: Stream | None = None
    disk: Disk | None = None
    tool: ToolFault | None = None
    writer: Writer | None = None
    clock: ClockJump | None = None
    damage: Damage | None = None
    neighbour: Neighbour | None = None
    redelivery: Redelivery | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def of_the_disk(self) -> bool:
        """Whether only somebody who sees the disk operations can do it."""
        crash = self.crash
        return self.disk is not None or (
            crash is not None
            and (
                crash.disk != "kill"
                or crash.at.endswith(".stored")
                or OPERATION.fullmatch(crash.at) is not None
            )
        )

    @property
    def kind(self) -> str:
        """The one key that is set."""
        return next(iter(self.model_fields_set))

    @property
    def what(self) -> Any:
        """What stands under it."""
        return getattr(self, self.kind)
