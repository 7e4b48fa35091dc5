"""The fence: at most k turns a user in any window of time, at any alignment.

A sliding log of admissions, k at most for each user, so the promise is exact and not that of a
bucket that can be emptied twice around a boundary. One user's crowd costs another nothing. What is
turned away is not written anywhere. A clock that jumps back does not open the fence, nor does a
restart where `restore` is told what the log says of the minute before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from harness.lifecycle.errors import RateFenced
from harness.lifecycle.storage.codec import wall_clock_ns

_SECOND_NS = 1_000_000_000
_SWEEP_EVERY = 1024


class Fence:
    """`turns_max` admissions a user in any `window_s` seconds; `now` in nanoseconds."""

    def __init__(
        self, turns_max: int, *, window_s: float = 60.0, now: Callable[[], int] | None = None
    ) -> None:
        if turns_max < 1 or window_s <= 0:
            raise ValueError(
                f"expected at least 1 turn in more than 0 seconds, got {turns_max} in {window_s}"
            )
        self._most = turns_max
        self._window_ns = int(window_s * _SECOND_NS)
        self._now = now or wall_clock_ns
        self._latest = 0
        self._admitted: dict[str, deque[int]] = {}
        self._until_sweep = _SWEEP_EVERY

    def enter(self, user_id: str) -> None:
        """Admit one turn of this user; RateFenced, with the seconds to wait, where it is over."""
        self._latest = now = max(self._latest, self._now())
        self._sweep(now)
        admitted = self._admitted.setdefault(user_id, deque(maxlen=self._most))
        if len(admitted) == self._most and now - admitted[0] < self._window_ns:
            wait_s = (admitted[0] + self._window_ns - now) / _SECOND_NS
            raise RateFenced(
                f"user {user_id!r} has had {self._most} turns in the last "
                f"{self._window_ns / _SECOND_NS:g} seconds, the most allowed: the next one is "
                f"welcome in {wait_s:.1f} seconds",
                wait_s,
            )
        admitted.append(now)

    def restore(self, user_id: str, admitted_ns: Iterable[int]) -> None:
        """Count turns of this user's that another process admitted: nanoseconds since 1970.

        One that lies ahead, as its clock was wrong, counts as admitted now, so that nobody waits
        longer than the window.
        """
        self._latest = now = max(self._latest, self._now())
        known = [*self._admitted.get(user_id, ()), *(min(at, now) for at in admitted_ns)]
        lately = sorted(at for at in known if now - at < self._window_ns)
        if lately:
            self._admitted[user_id] = deque(lately, maxlen=self._most)

    def _sweep(self, now: int) -> None:
        """Forget users who have been quiet for a whole window."""
        self._until_sweep -= 1
        if self._until_sweep <= 0:
            self._until_sweep = max(_SWEEP_EVERY, len(self._admitted))
            quiet = [u for u, times in self._admitted.items() if now - times[-1] >= self._window_ns]
            for user_id in quiet:
                del self._admitted[user_id]
