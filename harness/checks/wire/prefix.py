"""W6: each request begins with the one before it, byte for byte, so that the prompt cache is read.

Where it does not, the break has a cause. A *cut* left messages out and changed none; a *summary*
put a new beginning before what is left; the cache *expired*, the prefix being whole: these are a
stack's right, and so is what *damage* to a file at rest took from it. What has none of these
causes is a finding: another system prompt, other tools (the scenario changes neither), or a message
that reads otherwise than before, after a restart above all. Marks where to cache, and thinking, are
no part of the prefix; a reply being continued may grow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from typing import Any, Literal

from harness.checks.evidence.breach import Breach, Crash, contrast, counted, shorten
from harness.checks.evidence.facts import Answer, Evidence, canonical, number
from harness.checks.evidence.known import once_for_each

Cause = Literal["cut", "summary", "expired", "damage", "system", "tools", "unexplained"]
EXPLAINED: tuple[Cause, ...] = ("cut", "summary", "expired", "damage")
LIFETIME_NS = 300_000_000_000
"""How long the API keeps a prefix that nobody reads, unless asked for more."""
_LEADING_MAX = 3
_WHAT = {
    "system": "another system prompt than the one before",
    "tools": "other tools than the one before",
    "unexplained": "what was said before reads otherwise",
}


@dataclass(frozen=True)
class Break:
    """A request whose prefix the cache did not have, and why. `before` is the request before it."""

    cause: Cause
    row: Answer
    before: Answer
    told: str = ""


@dataclass(frozen=True)
class _Prompt:
    """A request's prefix: tools, system prompt, and every block with its role."""

    row: Answer
    at_ns: int
    said: _Said

    @property
    def tools(self) -> str:
        return self.said.tools

    @property
    def system(self) -> str:
        return self.said.system

    @property
    def blocks(self) -> Sequence[tuple[str, str]]:
        return self.said.blocks


@dataclass(frozen=True)
class _Said:
    """What a request's body says: the same for the same body."""

    tools: str
    system: str
    blocks: tuple[tuple[str, str], ...]


def prefix_stable(evidence: Evidence) -> Iterator[Breach]:
    """W6: one finding for each cause that explains nothing."""
    found: dict[str, list[Break]] = {}
    for each in breaks(evidence):
        if each.cause not in EXPLAINED:
            found.setdefault(each.cause, []).append(each)
    for cause, all_of_them in found.items():
        first = all_of_them[0]
        crash = _resumed_by(evidence, first)
        since = f" after {crash.told}" if crash else ""
        count = f" (and in {counted(len(all_of_them) - 1, 'more request')})"
        yield Breach(
            "W6",
            first.row.event,
            first.row.turn,
            f"turn {first.row.turn}'s request{since} does not begin with the one before it: "
            f"{_WHAT[cause]}{first.told}{count if len(all_of_them) > 1 else ''}",
            crash,
        )


def breaks(evidence: Evidence) -> tuple[Break, ...]:
    """Every cache break between requests that were answered from the script, in order."""
    found: list[Break] = []
    last: dict[object, _Prompt] = {}
    for row in evidence.answers:
        body = _body(evidence, row)
        if row.status != 200 or row.step is None or not row.is_message or body is None:
            continue
        prompt = _prompt(evidence, row, body)
        before = last.get(body.get("model"))
        last[body.get("model")] = prompt
        if before is not None and (broken := _broken(evidence, before, prompt)) is not None:
            found.append(broken)
    return tuple(found)


def _broken(evidence: Evidence, before: _Prompt, now: _Prompt) -> Break | None:
    if before.tools != now.tools:
        return Break("tools", now.row, before.row)
    if before.system != now.system:
        told = f", {contrast(_text(before.system), _text(now.system))}"
        return Break("system", now.row, before.row, told)
    same = _same(before.blocks, now.blocks)
    if same == len(before.blocks):
        quiet = now.at_ns - before.at_ns > LIFETIME_NS and not now.row.cache_read_tokens
        return Break("expired", now.row, before.row) if quiet and _caches(before) else None
    news = _news(evidence, before, now)
    if _lost_its_beginning(evidence, before, now):
        lost = shorten(_text(before.blocks[0][1]))
        return Break("unexplained", now.row, before.row, f", {lost} is gone and all else is there")
    if _is_cut(before.blocks, now.blocks, news):
        return Break("cut", now.row, before.row)
    if _is_summary(before.blocks, now.blocks, news):
        return Break("summary", now.row, before.row)
    if _damaged_between(evidence, before.row, now.row):
        return Break("damage", now.row, before.row)
    got = now.blocks[same][1] if same < len(now.blocks) else ""
    told = f", {contrast(_text(before.blocks[same][1]), _text(got))}"
    return Break("unexplained", now.row, before.row, told)


def _same(before: Sequence[tuple[str, str]], now: Sequence[tuple[str, str]]) -> int:
    """How many blocks agree from the start; a reply under way may have grown."""
    pairs = zip(before, now, strict=False)
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(before), len(now)))
    if same == len(before) - 1 and same < len(now):
        (role, old), (_, new) = before[same], now[same]
        if role == "assistant" and _text(new).startswith(_text(old).rstrip()):
            return len(before)
    return same


def _is_cut(before: Sequence[tuple[str, str]], now: Sequence[tuple[str, str]], news: int) -> bool:
    """Whether it is some of the blocks before, in order, and then what is new."""
    return _said_in(now[_kept(before, now) :]) <= news


def _lost_its_beginning(evidence: Evidence, before: _Prompt, now: _Prompt) -> bool:
    """Whether another process left out what stood first, which nobody said, and no more than that.

    What stands for older turns is no turn: a cut that is due takes turns.
    """
    if now.row.life == before.row.life or not before.blocks[1:]:
        return False
    rest = before.blocks[1:]
    said = {turn.user for turn in evidence.plan.turns}
    return now.blocks[: len(rest)] == rest and _text(before.blocks[0][1]) not in said


def _is_summary(
    before: Sequence[tuple[str, str]], now: Sequence[tuple[str, str]], news: int
) -> bool:
    """Whether it is that behind a new beginning, and shorter than it was."""
    return len(now) < len(before) + news and any(
        _is_cut(before, now[lead:], news) for lead in range(1, _LEADING_MAX + 1)
    )


def _kept(before: Sequence[tuple[str, str]], now: Sequence[tuple[str, str]]) -> int:
    """How many blocks of `now` stand in `before`, from the start and in the same order."""
    place = 0
    for kept, block in enumerate(now):
        try:
            place = before.index(block, place) + 1
        except ValueError:
            return kept
    return len(now)


def _news(evidence: Evidence, before: _Prompt, now: _Prompt) -> int:
    """How many texts of the user can be new since the request before."""
    sent = [s for s in evidence.sendings if before.row.event < s.start < now.row.event]
    return max(1, len(sent))


def _damaged_between(evidence: Evidence, before: Answer, now: Answer) -> bool:
    """Whether a file was damaged at rest after the one request, and before the other."""
    hit = {number(event.data, "after_crash") for event in evidence.of("damaged")}
    return any(
        crash.number in hit and before.event < crash.event < now.event for crash in evidence.crashes
    )


def _said_in(blocks: Sequence[tuple[str, str]]) -> int:
    return sum(role == "user" and json.loads(block)["type"] == "text" for role, block in blocks)


def _caches(prompt: _Prompt) -> bool:
    return prompt.row.cache_read_tokens + prompt.row.cache_write_tokens > 0


def _resumed_by(evidence: Evidence, broken: Break) -> Crash | None:
    """The crash between the two requests, if another process made the second one."""
    if broken.row.life == broken.before.life:
        return None
    return evidence.crash_before(broken.row.event)


def _body(evidence: Evidence, row: Answer) -> Mapping[str, Any] | None:
    body: Any = evidence.bodies[row.request]
    return body if isinstance(body, dict) else None


def _prompt(evidence: Evidence, row: Answer, body: Mapping[str, Any]) -> _Prompt:
    return _Prompt(row, evidence.record.events[row.event].at_ns, _said(body))


@once_for_each
def _said(body: Mapping[str, Any]) -> _Said:
    blocks = tuple(
        (str(message.get("role")), _written(block))
        for message in body.get("messages", ())
        for block in _blocks(message.get("content"))
        if block.get("type") not in ("thinking", "redacted_thinking")
    )
    return _Said(
        canonical([_bare(tool) for tool in body.get("tools", ())]),
        canonical([_bare(block) for block in _blocks(body.get("system"))]),
        blocks,
    )


def _blocks(content: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(content, str):
        return ({"type": "text", "text": content},)
    return [block for block in content or () if isinstance(block, dict)]


def _written(block: Mapping[str, Any]) -> str:
    """As `canonical` writes it, without its mark where to cache; plain text quickly."""
    text = block.get("text")
    plain = len(block) == 2 + ("cache_control" in block) and block.get("type") == "text"
    if plain and isinstance(text, str):
        return f'{{"text": {encode_basestring_ascii(text)}, "type": "text"}}'
    return canonical(_bare(block))


def _bare(block: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key != "cache_control"}


def _text(block: str) -> str:
    """What a block says, for a message to show."""
    value = json.loads(block)
    if isinstance(value, dict) and value.get("type") == "text":
        return str(value["text"])
    return block
