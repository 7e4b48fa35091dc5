"""The faults of the model's own: which one an attempt meets, and what is answered for it.

A fault of a turn is used up by that turn's attempts, whichever process makes them; where it is
about what the message says (400, 413), by later requests too that still carry the message.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from harness.model.message import Refusal
from harness.model.script.carried import ABOUT_THE_MESSAGE
from harness.scenario.faults import Fault, Http, Stream

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
STATUSES = {
    "api_error": 500,
    "authentication_error": 401,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "overloaded_error": 529,
    "permission_error": 403,
    "rate_limit_error": 429,
    "timeout_error": 504,
}
"""The status that an error type has where the reply is not streamed."""
MESSAGES = {
    429: "This request would exceed your account's rate limit. Please try again later.",
    500: "Internal server error",
    503: "Service unavailable",
    504: "Request timeout",
    529: "Overloaded",
}


class Met(NamedTuple):
    """A fault that an attempt meets, and its index in the scenario."""

    fault: int
    what: Http | Stream


class Faults:
    """The HTTP and stream faults of a scenario, in order, and how often each was met."""

    def __init__(self, faults: Sequence[tuple[int, Fault]]) -> None:
        self._open: list[tuple[int, Http | Stream]] = []
        for number, fault in faults:
            what = fault.what
            if isinstance(what, Http | Stream):
                self._open.append((number, what))
        self._met: dict[int, int] = {}

    def copy(self) -> Faults:
        """The same faults, as often met, with a life of their own."""
        other = Faults(())
        other._open, other._met = self._open, dict(self._met)
        return other

    def meet(self, turn: int, carried: Collection[int] = ()) -> Met | None:
        """The first fault that is not used up, one attempt less from now on: of this turn, or of
        an earlier one whose message is carried along, if it is about that."""
        for number, what in self._open:
            here = what.turn == turn or (what.turn in carried and _is_about_the_message(what))
            if here and self._met.get(number, 0) < what.times:
                self._met[number] = self._met.get(number, 0) + 1
                return Met(number, what)
        return None


def _is_about_the_message(what: Http | Stream) -> bool:
    return isinstance(what, Http) and what.status in ABOUT_THE_MESSAGE


def refusal_for(fault: Http) -> Refusal:
    """The error answer of a fault with a status."""
    status = fault.status or 500
    headers = {}
    if fault.retry_after is not None:
        headers["retry-after"] = seconds(fault.retry_after)
    return Refusal(
        MESSAGES.get(status, ERROR_TYPES[status].replace("_", " ").capitalize()),
        status=status,
        kind=ERROR_TYPES[status],
        headers=headers,
    )


def refused_by(met: Met | None, stream: bool) -> Refusal | None:
    """The error answer that a fault gives in place of a reply, if it does."""
    if met is None:
        return None
    if isinstance(met.what, Http):
        return refusal_for(met.what) if met.what.status is not None else None
    if met.what.error is not None and not stream:
        return error_for(met.what.error)
    return None


def error_for(kind: str) -> Refusal:
    """The error answer that a stream's `error` event would have been without the stream."""
    status = STATUSES.get(kind, 500)
    return Refusal(MESSAGES.get(status, kind), status=status, kind=kind)


def seconds(duration_ns: int) -> str:
    """Nanoseconds as a header writes them: whole seconds without a point."""
    whole, part = divmod(duration_ns, 1_000_000_000)
    return str(whole) if not part else f"{whole}.{part:09d}".rstrip("0")
