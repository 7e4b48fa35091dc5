"""Rate limits: token buckets in virtual time, one set a model, and the headers that tell of them.

A bucket fills evenly, to at most a minute's worth. A request is let in while there is one request
and any tokens left; what it really used (cache reads are free) is taken afterwards and may leave a
debt, which the next ones wait for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from harness.model.bill import Usage
from harness.model.catalogue import ModelSpec
from harness.model.request import Refusal
from harness.model.script.faults import MESSAGES

MINUTE_NS = 60_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


class _Bucket:
    """Counts in units of 1 / 60e9 so that filling is exact in whole numbers."""

    def __init__(self, limit: int, now_ns: int) -> None:
        self.limit = limit
        self._full = limit * MINUTE_NS
        self._level = self._full
        self._at_ns = now_ns

    def fill(self, now_ns: int) -> None:
        if now_ns > self._at_ns:
            self._level = min(self._full, self._level + (now_ns - self._at_ns) * self.limit)
            self._at_ns = now_ns

    def take(self, amount: int) -> None:
        self._level -= amount * MINUTE_NS

    @property
    def remaining(self) -> int:
        return max(0, self._level // MINUTE_NS)

    @property
    def empty_ns(self) -> int:
        """How long until there is one again; 0 where there is."""
        return max(0, -((self._level - MINUTE_NS) // self.limit))

    @property
    def full_ns(self) -> int:
        return -((self._level - self._full) // self.limit)


class Limiter:
    """The buckets of one model."""

    def __init__(self, limits: RateLimits, now_ns: int) -> None:
        self._requests = _Bucket(limits.requests, now_ns)
        self._input = _Bucket(limits.input_tokens, now_ns)
        self._output = _Bucket(limits.output_tokens, now_ns)

    def admit(self, now_ns: int) -> None:
        """Let a request in; Refusal 429 with `retry-after` where a bucket is empty."""
        buckets = (self._requests, self._input, self._output)
        for bucket in buckets:
            bucket.fill(now_ns)
        wait_ns = max(bucket.empty_ns for bucket in buckets)
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
        headers: dict[str, str] = {}
        least = self._input if self._input.remaining <= self._output.remaining else self._output
        for name, bucket in (
            ("requests", self._requests),
            ("tokens", least),
            ("input-tokens", self._input),
            ("output-tokens", self._output),
        ):
            headers[f"anthropic-ratelimit-{name}-limit"] = str(bucket.limit)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(bucket.remaining)
            full_ns = start_ns + now_ns + bucket.full_ns
            headers[f"anthropic-ratelimit-{name}-reset"] = _moment(-(-full_ns // 1_000_000_000))
        return headers


@lru_cache(maxsize=4096)
def _moment(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Limits:
    """The buckets of all models; `limits` by model id override the catalogue's."""

    def __init__(self, limits: Mapping[str, RateLimits] | None = None) -> None:
        self._own = limits or {}
        self._limiters: dict[str, Limiter] = {}

    def of(self, spec: ModelSpec, now_ns: int) -> Limiter:
        """The buckets of a model, full when first looked at."""
        limiter = self._limiters.get(spec.id)
        if limiter is None:
            limits = self._own.get(spec.id) or limits_of(spec)
            limiter = self._limiters[spec.id] = Limiter(limits, now_ns)
        return limiter
