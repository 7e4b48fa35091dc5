"""The ledger: one row for each attempt that reached the model, answered, refused or lost.

Tokens are by the meter's own ruler. A reply that is lost on the way is billed all the same.
"""

from __future__ import annotations

from typing import NamedTuple


class LedgerRow(NamedTuple):
    """One attempt. `status` is None when nothing was sent back; money in US dollars."""

    n: int
    at_ns: int
    path: str
    status: int | None
    error_type: str | None
    error_message: str | None
    rule: str | None
    """The name of the request rule that refused it, or by which the model declined (status 200)."""
    model: str | None
    messages: int
    prompt_tokens: int
    """The whole prompt by the ruler, whether billed or refused; 0 where it could not be read."""
    max_tokens: int
    context_window: int
    """The model's window in this scenario, in tokens; 0 for an unknown model."""
    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int
    cost_usd: float
    stop_reason: str | None
    turn: int | None
    """The scripted turn it was answered from; None for a request that no script line fits."""
    step: int | None
    """The step in that turn's reply, from 0; None as above."""
    fault: int | None
    """Index in the scenario of the fault that it met."""
    stream: bool
    request_id: str
