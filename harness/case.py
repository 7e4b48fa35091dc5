"""A case and its token: the smallest thing that can be run again.

A case is scenario + target + seed + choice. The token names it completely in under 100 characters:
hashes of the scenario's content and of the target's name, the seed, and the choice, an index into
the deterministic enumeration of that scenario's cases (`s`: as scripted; `e231.88.SHAPE`: the 231st
ext4 state, left before operation 88 of a run of that shape; a second crash, while the target
recovers from it, is written behind it; `n12.SHAPE`: the disk is full at operation 12, `i12.SHAPE`:
that one fails). A check character catches a slip of the hand before anything is looked up.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

AS_SCRIPTED = "s"
BASELINE = "base"
"""The recorded run of a sweep: as scripted, but without its deaths."""
_FORM = re.compile(
    r"hx1-([0-9a-f]{12})-([0-9a-f]{6})-([0-9a-z]{1,20})-([0-9a-z.]{1,56})-([0-9a-f])"
)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class TokenError(ValueError):
    """Not a token: the message says which part is off."""


@dataclass(frozen=True)
class Case:
    """What a token names. Hashes are hex, `scenario_hash` 12 digits, `target_hash` 6."""

    scenario_hash: str
    target_hash: str
    seed: int
    choice: str = AS_SCRIPTED

    @property
    def token(self) -> str:
        """The token, `hx1-SCENARIO-TARGET-SEED-CHOICE-CHECK`."""
        body = f"hx1-{self.scenario_hash}-{self.target_hash}-{_base36(self.seed)}-{self.choice}"
        return f"{body}-{_check(body)}"


def scenario_hash(scenario: Mapping[str, object]) -> str:
    """Twelve hex digits of a scenario's content, whatever its file is called."""
    canonical = json.dumps(scenario, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def target_hash(name: str) -> str:
    """Six hex digits of a target's name."""
    return hashlib.sha256(name.encode()).hexdigest()[:6]


def parse(token: str) -> Case:
    """Read a token; TokenError says what is wrong with it."""
    match = _FORM.fullmatch(token.strip().lower())
    if match is None:
        raise TokenError(f"{token!r} is no token: expected hx1-SCENARIO-TARGET-SEED-CHOICE-CHECK")
    scenario, target, seed, choice, check = match.groups()
    body = token.strip().lower().rsplit("-", 1)[0]
    if _check(body) != check:
        raise TokenError(f"{token!r} is mistyped: its check character should be {_check(body)!r}")
    return Case(scenario, target, int(seed, 36), choice)


def _check(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[0]


def _base36(number: int) -> str:
    if number < 0:
        raise TokenError(f"seed {number} is negative: seeds are whole numbers from 0")
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
        if not number:
            return digits
