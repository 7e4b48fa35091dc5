"""What came of a command to a life: an answer, an exception, or its end; and where it stood."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness import frames

HANG_LIMIT_S = 30.0
"""Real seconds without a sign of life before a life counts as hanging, unless told otherwise."""
HANG_LIMIT = "HARNESS_HANG_LIMIT"
"""The environment variable that tells otherwise."""
IMPORT_LIMIT_S = 120.0
"""Real seconds that a target's import may take, or as many as a silent life, where that is more."""


class UnknownLimit(ValueError):
    """The environment sets a limit that is none; the message says what it may be."""


def hang_limit_s(environ: Mapping[str, str] = os.environ) -> float:
    """How long a life may give no sign of itself."""
    told = environ.get(HANG_LIMIT, "")
    try:
        limit_s = float(told) if told else HANG_LIMIT_S
    except ValueError:
        limit_s = 0.0
    if not 0 < limit_s <= 86_400:
        raise UnknownLimit(f"{HANG_LIMIT}={told}: expected seconds, more than 0 and at most a day")
    return limit_s


def import_limit_s(environ: Mapping[str, str] = os.environ) -> float:
    """How long the import of a target may take."""
    return max(IMPORT_LIMIT_S, hang_limit_s(environ))


@dataclass(frozen=True)
class Returned:
    """The target answered."""

    value: Any


@dataclass(frozen=True)
class Raised:
    """The target raised: `Type: message`, the last frames, and which of its own lines it was."""

    error: str
    trace: list[str]
    where: str | None = None


@dataclass(frozen=True)
class Died:
    """The process ended by itself: exit status (negative: by that signal), what it last said."""

    status: int
    output: str


@dataclass(frozen=True)
class Killed:
    """The runner said so; `where` is the source line it stood on."""

    where: str | None


@dataclass(frozen=True)
class Hung:
    """No sign of life for `after_s` real seconds; it stood at `where`, and has been killed."""

    where: str | None
    after_s: float


@dataclass(frozen=True)
class Untraceable:
    """The kernel or the container refuses the recorder; `why` says what it said."""

    why: str


Outcome = Returned | Raised | Died | Killed | Hung | Untraceable


def outcome_of(answer: Mapping[str, Any]) -> Outcome:
    """What a life said of a command that it carried out."""
    if "error" in answer:
        return Raised(answer["error"], answer["trace"], answer.get("where"))
    return Returned(answer["value"])


def stack_in(output: int, begin: int) -> tuple[str, ...]:
    """The frames that a life has written to its output from there on, innermost first."""
    text = os.pread(output, STACK_BYTES_MAX, begin).decode("utf-8", "replace")
    return tuple(line.strip() for line in text.splitlines() if line.startswith("  File"))


STACK_BYTES_MAX = 1 << 20
_FRAME = re.compile(r'File "(.*)", line (\d+) in ')


def innermost(stack: Sequence[str], libraries: tuple[str, ...]) -> str | None:
    """`file.py:88 the line` of the innermost frame that is in no library."""
    found = map(_FRAME.search, stack)
    return frames.innermost([(match[1], int(match[2])) for match in found if match], libraries)
