"""The few errors of the stack. Each message names the culprit, both sides and the remedy."""

from __future__ import annotations


class LifecycleError(Exception):
    """Whatever this stack refuses or cannot do; disk and API errors pass through as they are."""


class MessageRefused(LifecycleError, ValueError):
    """This message cannot be said: it is malformed, or the API has refused it for good."""


class OversizeMessage(LifecycleError, ValueError):
    """One message is larger than the window can ever hold."""


class WindowFull(LifecycleError):
    """The newest turn alone, with system prompt and tools, is over the budget: nothing to cut."""


class TurnLimit(LifecycleError):
    """One turn asked for more model calls or tokens than it may."""


class SessionBusy(LifecycleError):
    """A living process writes to this session."""


class StoreUnavailable(LifecycleError, OSError):
    """The database does not answer, or will not write: not acknowledged, and may be tried again."""


class NotDurable(LifecycleError):
    """The database's settings let acknowledged turns be lost."""


class SessionIdError(LifecycleError, ValueError):
    """This cannot be the id of a session."""


class LogVersionError(LifecycleError):
    """The log was written by a newer release than this one."""


class RateFenced(LifecycleError):
    """This user has had all the turns of the moment; `retry_after_s` seconds are to pass."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
