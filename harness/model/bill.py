"""The bill: what of a prompt is read from the cache, what is written to it, and what it all costs.

The cache is a set of prefixes, each a chain of digests over the parts of the prompt in the order
tools, system, messages. A breakpoint writes the prefix that ends there, for five minutes or an
hour, unless the prefix is below the model's minimum (then nothing is said and nothing is cached).
A request reads the longest live prefix that ends at most 20 blocks before one of its breakpoints,
and a read renews its lifetime. An entry is there to be read once its writer's reply has begun.
What changes the choice of tools or the thinking changes everything from the messages on.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from harness.model.catalogue import ModelSpec
from harness.model.message import MARKS
from harness.model.meter import TURN_TOKENS, Part, Prompt, shared_length
from harness.model.request import Request

LOOK_BACK_BLOCKS = 20
WRITE_5M_FACTOR = 1.25
WRITE_1H_FACTOR = 2.0
TTL_NS = {"5m": 300_000_000_000, "1h": 3_600_000_000_000}
ENTRIES_MAX = 100_000
LINKS_MAX = 200_000
_PLAIN = frozenset({str, type(None)})


class Usage(NamedTuple):
    """Tokens of one call as the API reports them. The prompt is input + creation + read."""

    input_tokens: int
    cache_read_input_tokens: int = 0
    written_5m_tokens: int = 0
    written_1h_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0

    @property
    def cache_creation_input_tokens(self) -> int:
        """Tokens written to the cache, of either lifetime."""
        return self.written_5m_tokens + self.written_1h_tokens

    @property
    def prompt_tokens(self) -> int:
        """The whole prompt."""
        return self.input_tokens + self.cache_creation_input_tokens + self.cache_read_input_tokens


NOTHING = Usage(0)


def cost_usd(usage: Usage, spec: ModelSpec) -> float:
    """US dollars of one call at the catalogue's prices."""
    input_price, output_price = spec.input_price, spec.output_price
    if spec.long_prompt_tokens is not None and usage.prompt_tokens > spec.long_prompt_tokens:
        input_price = spec.long_input_price or input_price
        output_price = spec.long_output_price or output_price
    priced = (
        usage.input_tokens
        + usage.written_5m_tokens * WRITE_5M_FACTOR
        + usage.written_1h_tokens * WRITE_1H_FACTOR
        + usage.cache_read_input_tokens * spec.cache_read_factor
    )
    return (priced * input_price + usage.output_tokens * output_price) / 1_000_000


@dataclass
class _Entry:
    readable_ns: int
    expires_ns: int
    lifetime_ns: int


class PromptCache:
    """The prefixes that are cached, in virtual time."""

    def __init__(self) -> None:
        self._entries: dict[bytes, _Entry] = {}
        self._links: dict[tuple[bytes, bytes, str], bytes] = {}
        self._last: tuple[tuple[bytes, bytes], list[Part], list[bytes]] = ((b"", b""), [], [])

    def copy(self) -> PromptCache:
        """The same entries, with a life of their own; the links are only a memory of sums."""
        other = PromptCache()
        other._links, other._last = self._links, self._last
        other._entries = {key: replace(entry) for key, entry in self._entries.items()}
        return other

    def bill(
        self, prompt: Prompt, request: Request, spec: ModelSpec, *, now_ns: int, begins_ns: int
    ) -> Usage:
        """Look the prompt up, renew what it reads, write what it marks; the input side of usage.

        `begins_ns` is when the reply begins: from then on the written entries can be read.
        """
        marks = _marks(prompt.parts, request)
        if not marks:
            return Usage(prompt.tokens)
        chain = self._chain(prompt.parts, request, spec)
        sums = _sums(prompt.parts)
        read_at = self._read(chain, marks, now_ns)
        read = sums[read_at] if read_at >= 0 else 0
        written = {"5m": 0, "1h": 0}
        done = read
        for place, lifetime in marks.items():
            if place <= read_at or sums[place] < spec.cache_minimum:
                continue
            written[lifetime] += sums[place] - done
            done = sums[place]
            self._write(chain[place], lifetime, now_ns, begins_ns)
        return Usage(
            input_tokens=prompt.tokens - done,
            cache_read_input_tokens=read,
            written_5m_tokens=written["5m"],
            written_1h_tokens=written["1h"],
        )

    def _chain(self, parts: list[Part], request: Request, spec: ModelSpec) -> list[bytes]:
        start = (
            _seed(spec.id, request.output_format),
            _seed(request.tool_choice or None, request.thinking or None),
        )
        known_start, known_parts, known_chain = self._last
        shared = shared_length(known_parts, parts) if start == known_start else 0
        chain = known_chain[:shared]
        link = chain[-1] if chain else start[0]
        in_messages = shared > 0 and parts[shared - 1].role in TURN_TOKENS
        if len(self._links) > LINKS_MAX:
            self._links.clear()
        for part in parts[shared:]:
            if not in_messages and part.role in TURN_TOKENS:
                in_messages = True
                link = hashlib.sha256(link + start[1]).digest()
            step = (link, part.digest, part.role)
            known = self._links.get(step)
            if known is None:
                known = hashlib.sha256(link + part.role.encode() + part.digest).digest()
                self._links[step] = known
            link = known
            chain.append(link)
        self._last = start, parts, chain
        return chain

    def _read(self, chain: list[bytes], marks: dict[int, str], now_ns: int) -> int:
        longest = -1
        for place in reversed(marks):
            for index in range(place, max(-1, place - LOOK_BACK_BLOCKS), -1):
                entry = self._entries.get(chain[index])
                if entry is not None and entry.readable_ns <= now_ns < entry.expires_ns:
                    entry.expires_ns = now_ns + entry.lifetime_ns
                    longest = max(longest, index)
                    break
        return longest

    def _write(self, prefix: bytes, lifetime: str, now_ns: int, begins_ns: int) -> None:
        if len(self._entries) >= ENTRIES_MAX:
            self._entries = {
                key: entry for key, entry in self._entries.items() if now_ns < entry.expires_ns
            }
        known = self._entries.get(prefix)
        readable_ns = begins_ns
        if known is not None and now_ns < known.expires_ns:
            readable_ns = min(begins_ns, known.readable_ns)
        self._entries[prefix] = _Entry(readable_ns, now_ns + TTL_NS[lifetime], TTL_NS[lifetime])


def _marks(parts: list[Part], request: Request) -> dict[int, str]:
    # Without marks in messages there are at most those of tools and system, which come first.
    looked = parts if request.traits & MARKS else parts[: len(request.tools) + len(request.system)]
    marks = {place: part.mark.get("ttl") or "5m" for place, part in enumerate(looked) if part.mark}
    automatic = request.raw.get("cache_control")
    if automatic:
        last = next(
            (place for place in range(len(parts) - 1, -1, -1) if not parts[place].thinking), None
        )
        if last is not None:
            marks[last] = automatic.get("ttl") or "5m"
    return marks


def _seed(*values: object) -> bytes:
    if _PLAIN.issuperset(map(type, values)):
        return _plain_seed(values)
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).digest()


@lru_cache(maxsize=256)
def _plain_seed(values: tuple[object, ...]) -> bytes:
    return hashlib.sha256("\0".join(map(str, values)).encode()).digest()


def _sums(parts: list[Part]) -> list[int]:
    return list(accumulate([part.tokens for part in parts]))
