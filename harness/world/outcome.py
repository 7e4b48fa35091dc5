"""What came of a command to a life: an answer, an exception, or its end; and where it stood."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness import frames


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
    """No sign of life for `HANG_LIMIT_S`; it has been killed."""


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


_FRAME = re.compile(r'File "(.*)", line (\d+) in ')


def innermost(stack: Sequence[str], libraries: tuple[str, ...]) -> str | None:
    """`file.py:88 the line` of the innermost frame that is in no library."""
    found = map(_FRAME.search, stack)
    return frames.innermost([(match[1], int(match[2])) for match in found if match], libraries)
