"""Making one oversize message fit, and saying so in its text.

Head and tail are kept, the middle is left out, with a line in its place that tells how much. Text
is the only thing that can be shortened: images, documents and tool calls are refused instead.
"""

from __future__ import annotations

from typing import Any

from harness.lifecycle.errors import OversizeMessage
from harness.lifecycle.memory.tokens import Content, TokenCounter, count_content, count_tokens

_HEAD_SHARE = 0.6
_ROUNDS_MAX = 40


def shorten_text(text: str, tokens_max: int, counter: TokenCounter = count_tokens) -> str:
    """`text` with its middle left out, so that `counter` gives at most `tokens_max`.

    OversizeMessage where not even the line that says so fits.
    """
    count = counter(text)
    if count <= tokens_max:
        return text
    keep = len(text) * tokens_max // count
    for _ in range(_ROUNDS_MAX):
        short = _cut_middle(text, keep)
        count = counter(short)
        if count <= tokens_max:
            return short
        if keep == 0:
            break
        keep = min(keep - 1, keep * tokens_max // count)
    raise OversizeMessage(
        f"a text of {len(text)} characters cannot be shortened to {tokens_max} tokens: "
        "give the window more tokens"
    )


def _cut_middle(text: str, keep: int) -> str:
    head = int(keep * _HEAD_SHARE)
    tail = keep - head
    left_out = len(text) - head - tail
    notice = f"\n[... {left_out} characters left out here to fit the window ...]\n"
    return text[:head] + notice + (text[-tail:] if tail else "")


def shorten_content(
    content: Content, tokens_max: int, counter: TokenCounter = count_tokens
) -> Content:
    """`content` with its texts shortened in proportion until it counts at most `tokens_max`."""
    if isinstance(content, str):
        return shorten_text(content, tokens_max, counter)
    texts = [text for block in content for text in _texts(block)]
    whole = count_content(content, counter)
    inside = sum(map(counter, texts))
    room = tokens_max - (whole - inside)
    if room < 32 * max(1, len(texts)) or not texts:
        raise OversizeMessage(
            f"a message of {len(content)} blocks counts {whole} tokens and only {inside} of them "
            f"are text that can be shortened, but {tokens_max} is the most that fits: split it, or "
            "give the window more tokens"
        )
    share = min(1.0, room / inside)
    return [_shortened(block, share, counter) for block in content]


def _texts(block: dict[str, Any]) -> list[str]:
    if block.get("type") == "text":
        return [block["text"]]
    if block.get("type") == "tool_result":
        inner = block.get("content", "")
        if isinstance(inner, str):
            return [inner]
        return [text for each in inner for text in _texts(each)]
    return []


def _shortened(block: dict[str, Any], share: float, counter: TokenCounter) -> dict[str, Any]:
    if block.get("type") == "text":
        return {**block, "text": _part(block["text"], share, counter)}
    if block.get("type") == "tool_result" and "content" in block:
        inner = block["content"]
        if isinstance(inner, str):
            return {**block, "content": _part(inner, share, counter)}
        return {**block, "content": [_shortened(each, share, counter) for each in inner]}
    return block


def _part(text: str, share: float, counter: TokenCounter) -> str:
    if not text:
        return text
    return shorten_text(text, max(24, int(counter(text) * share)), counter)
