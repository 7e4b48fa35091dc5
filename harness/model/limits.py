"""Rate limits: token buckets in virtual time, one set a model, and the headers that tell of them.

A bucket fills evenly, to at most a minute's worth. A request is let in while there is one request
and any tokens left; what it really used (cache reads are free) is taken afterwards and may leave a
debt, which the next ones wait for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from harness.model.bill import Usage
from harness.model.catalogue import ModelSpec
from harness.model.message import Refusal
from harness.model.script.faults import MESSAGES
from harness.scenario.schema import RateLimits as Told

MINUTE_NS = 60_000_000_000
_NAMES = tuple(
    f"anthropic-ratelimit-{bucket}-{field}"
    for bucket in ("requests", "tokens", "input-tokens", "output-tokens")
    for field in ("limit", "remaining", "reset")
)


@dataclass(frozen=True)
class RateLimits:
    """What a minute allows."""

    requests: int
    input_tokens: int
    output_tokens: int


def limits_of(spec: ModelSpec) -> RateLimits:
    """The limits in the catalogue."""
    return RateLimits(
        spec.requests_per_minute, spec.input_tokens_per_minute, spec.output_tokens_per_minute
    )


def limits_told(spec: ModelSpec, told: Told) -> RateLimits:
    """Those of a scenario; what it does not say is as in the catalogue."""
    own = limits_of(spec)
    return RateLimits(
        told.requests or own.requests,
        told.input_tokens or own.input_tokens,
        told.output_tokens or own.output_tokens,
    )


class _Bucket:
    """Counts in units of 1 / 60e9 so that filling is exact in whole numbers."""

    def __init__(self, limit: int, now_ns: int) -> None:
        self.limit = limit
        self._full = limit * MINUTE_NS
        self._level = self._full
        self._at_ns = now_ns

    def copy(self) -> _Bucket:
        other = _Bucket(self.limit, self._at_ns)
        other._level = self._level
        return other

    def fill(self, now_ns: int) -> None:
        if now_ns > self._at_ns:
            self._level = min(self._full, self._level + (now_ns - self._at_ns) * self.limit)
            self._at_ns = now_ns

    def take(self, amount: int) -> None:
        self._level -= amount * MINUTE_NS

    @property
    def remaining(self) -> int:
        return self._level // MINUTE_NS if self._level > 0 else 0

    @property
    def empty_ns(self) -> int:
        """How long until there is one again; 0 where there is."""
        lacking = MINUTE_NS - self._level
        return -(-lacking // self.limit) if lacking > 0 else 0

    def told(self, at_ns: int) -> tuple[str, str, str]:
        """The limit, what remains of it, and when it is full again."""
        full_ns = at_ns + -((self._level - self._full) // self.limit)
        return str(self.limit), str(self.remaining), _moment(-(-full_ns // 1_000_000_000))


class Limiter:
    """The buckets of one model."""

    def __init__(self, limits: RateLimits, now_ns: int) -> None:
        self._requests = _Bucket(limits.requests, now_ns)
        self._input = _Bucket(limits.input_tokens, now_ns)
        self._output = _Bucket(limits.output_tokens, now_ns)

    def copy(self) -> Limiter:
        """The same levels, with a life of their own."""
        other = Limiter.__new__(Limiter)
        other._requests, other._input, other._output = (
            self._requests.copy(),
            self._input.copy(),
            self._output.copy(),
        )
        return other

    def admit(self, now_ns: int) -> None:
        """Let a request in; Refusal 429 with `retry-after` where a bucket is empty."""
        buckets = (self._requests, self._input, self._output)
        for bucket in buckets:
            bucket.fill(now_ns)
        wait_ns = max([bucket.empty_ns for bucket in buckets])
        if wait_ns > 0:
            raise Refusal(
                MESSAGES[429],
                status=429,
                kind="rate_limit_error",
                rule="rate_limit",
                headers={"retry-after": str(-(-wait_ns // 1_000_000_000))},
            )
        self._requests.take(1)

    def used(self, usage: Usage) -> None:
        """Take what a call used."""
        self._input.take(usage.input_tokens + usage.cache_creation_input_tokens)
        self._output.take(usage.output_tokens)

    def headers(self, now_ns: int, start_ns: int = 0) -> dict[str, str]:
        """What is left and when it is full again; `start_ns` is the time of `now_ns` 0 since the
        Unix epoch."""
        at_ns = start_ns + now_ns
        requests, received = self._requests.told(at_ns), self._input.told(at_ns)
        said = self._output.told(at_ns)
        least = received if self._input.remaining <= self._output.remaining else said
        return dict(zip(_NAMES, requests + least + received + said, strict=True))


@lru_cache(maxsize=256)
def _moment(second: int) -> str:
    day, second = divmod(second, 86_400)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{_date(day)}T{hour:02}:{minute:02}:{second:02}Z"


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


class Limits:
    """The buckets of all models; `limits` by model id override the catalogue's.

    `told` are the scenario's, for the model of that name.
    """

    def __init__(
        self,
        limits: Mapping[str, RateLimits] | None = None,
        told: tuple[str, Told] | None = None,
    ) -> None:
        self._own = limits or {}
        self._told = told
        self._limiters: dict[str, Limiter] = {}

    def of(self, spec: ModelSpec, now_ns: int) -> Limiter:
        """The buckets of a model, full when first looked at."""
        limiter = self._limiters.get(spec.id)
        if limiter is None:
            limits = self._own.get(spec.id) or limits_of(spec)
            if self._told is not None and self._told[0] == spec.id:
                limits = limits_told(spec, self._told[1])
            limiter = self._limiters[spec.id] = Limiter(limits, now_ns)
        return limiter

    def copy(self) -> Limits:
        """The same buckets, with a life of their own."""
        other = Limits(self._own, self._told)
        other._limiters = {name: limiter.copy() for name, limiter in self._limiters.items()}
        return other
