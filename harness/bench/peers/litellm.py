"""litellm: `trim_messages(messages, model, max_tokens)`, as its guide on trimming has it.

Its table of models comes from the package and not from the network.
"""

from __future__ import annotations

import os
from functools import partial

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from litellm import token_counter
from litellm.utils import trim_messages

from harness.bench.peers.shelf import ListWindow, Said
from harness.bench.plan import WINDOW_TOKENS

MODEL = "claude-sonnet-4-5"


def _trimmed(history: list[Said]) -> list[Said]:
    kept: list[Said] = trim_messages(history, model=MODEL, max_tokens=WINDOW_TOKENS)
    return kept


window = partial(ListWindow, _trimmed)


def count(text: str) -> int:
    """Its count of a text."""
    return int(token_counter(model=MODEL, text=text))
