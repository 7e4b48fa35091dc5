"""Rules about the context window: looked at once the prompt is counted."""

from __future__ import annotations

from harness.model.message import bad
from harness.model.rules.ask import Ask


def prompt_too_long(ask: Ask) -> None:
    """The prompt alone fits the window."""
    window = ask.spec.context_window
    if ask.prompt.tokens > window:
        raise bad(f"prompt is too long: {ask.prompt.tokens} tokens > {window} maximum")


def prompt_plus_max_tokens(ask: Ask) -> None:
    """On older models the prompt and max_tokens together fit it too."""
    window, wanted = ask.spec.context_window, ask.request.max_tokens or 0
    if not ask.spec.soft_overflow and ask.prompt.tokens + wanted > window:
        raise bad(
            f"input length and `max_tokens` exceed context limit: {ask.prompt.tokens} + {wanted} > "
            f"{window}, decrease input length or `max_tokens` and try again"
        )
