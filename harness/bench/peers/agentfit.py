"""agentfit: `fit(messages, max_tokens=…, model=…)`, as its description has it."""

from __future__ import annotations

from functools import partial

from agentfit import count as agentfit_count
from agentfit import fit

from harness.bench.peers.shelf import ListWindow, Said
from harness.bench.plan import WINDOW_TOKENS

MODEL = "claude-sonnet-4-6"


def _fitted(history: list[Said]) -> list[Said]:
    kept: list[Said] = fit(
        history, max_tokens=WINDOW_TOKENS, model=MODEL, preserve_last_n=2
    ).messages
    return kept


window = partial(ListWindow, _fitted)


def count(text: str) -> int:
    """Its count of a text."""
    return int(agentfit_count(text, model=MODEL))
