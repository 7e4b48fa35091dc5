"""Rules about cache_control: how many, in which order, and on what."""

from __future__ import annotations

from harness.model.message import bad
from harness.model.rules.ask import Ask

BREAKPOINTS_MAX = 4


def breakpoint_shape(ask: Ask) -> None:
    """A breakpoint is ephemeral, for five minutes or an hour."""
    marks = [(place, block["cache_control"]) for place, block in ask.request.cache_marks]
    if ask.request.raw.get("cache_control"):
        marks.append(("", ask.request.raw["cache_control"]))
    for place, mark in marks:
        where = f"{place}.cache_control".lstrip(".")
        if mark.get("type") != "ephemeral":
            raise bad(f"{where}.type: Input should be 'ephemeral'")
        if mark.get("ttl", "5m") not in ("5m", "1h"):
            raise bad(f"{where}.ttl: Input should be '5m' or '1h'")
        for key in mark.keys() - {"type", "ttl"}:
            raise bad(f"{where}.{key}: Extra inputs are not permitted")


def uncacheable_block(ask: Ask) -> None:
    """Thinking and empty text are no place for a breakpoint."""
    for place, block in ask.request.cache_marks:
        if block.get("type") in ("thinking", "redacted_thinking"):
            raise bad(f"{place}.cache_control: Extra inputs are not permitted")
        if block.get("type") == "text" and not block["text"]:
            raise bad(f"{place}: cache_control cannot be set for empty text blocks")


def too_many_breakpoints(ask: Ask) -> None:
    """At most four, the automatic one included."""
    count = len(ask.request.cache_marks)
    count += 1 if ask.request.raw.get("cache_control") else 0
    if count > BREAKPOINTS_MAX:
        raise bad(
            f"A maximum of {BREAKPOINTS_MAX} blocks with cache_control may be provided. "
            f"Found {count}."
        )


def ttl_order(ask: Ask) -> None:
    """The longer lifetimes come first."""
    short = False
    for place, block in ask.request.cache_marks:
        if block["cache_control"].get("ttl", "5m") == "5m":
            short = True
        elif short:
            raise bad(
                f"{place}.cache_control.ttl: a ttl='1h' cache_control block must not come after a "
                "ttl='5m' cache_control block. Note that blocks are processed in the following "
                "order: `tools`, `system`, `messages`."
            )
