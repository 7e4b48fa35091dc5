"""What a rule looks at: the request, the model it names, the prompt as counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from harness.model.catalogue import ModelSpec
from harness.model.message import Message
from harness.model.meter import Prompt
from harness.model.request import Request


class Ask(NamedTuple):
    """One request in front of the rules. `prompt` is empty until it is counted."""

    request: Request
    spec: ModelSpec
    prompt: Prompt = Prompt([], 0)
    resumable: Callable[[Message], bool] | None = None
    """Whether a trailing assistant message is a paused turn sent back to be continued."""
