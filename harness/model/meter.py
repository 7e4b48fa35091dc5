"""The meter: how many tokens a prompt has, by a ruler that no stack under test can know.

Its own vocabulary: common words are one token, other words fall into pieces whose length depends on
the word itself, capitals and digits start pieces of their own, signs go in pairs, indentation by
fours, CJK by the character. Its own overheads: a message, a tool, the system prompt and every kind
of block cost something that no text shows. Counts are whole per block and add up, so that the
difference between two prompts is exactly what was added. Deliberately far from linear: characters
over four is short by about 49 % on code, 38 % on prose, 75 % on CJK and 53 % on JSON, which is as
far off as the offline counters in use today were measured to be.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from pydantic_core import to_json

from harness.model.catalogue import ModelSpec
from harness.model.message import Block, Message
from harness.model.request import Request, Settings

PROMPT_TOKENS = 6
SYSTEM_TOKENS = 4
TOOLS_TOKENS = 313
"""The instructions that come with tools, once, as soon as there is one."""
TOOL_TOKENS = 21
TURN_TOKENS = {"user": 5, "assistant": 4, "system": 7}
BLOCK_TOKENS = {"tool_use": 12, "tool_result": 9, "thinking": 3, "redacted_thinking": 3}
MEMO_CHARACTERS_MAX = 32_000_000
SLICE_CHARACTERS = 1_000_000
MESSAGES_MAX = 20_000
OPENINGS_MAX = 256
PIECES_MAX = 200_000
PIECE_CHARACTERS_MAX = 64

_PIECE = re.compile(r" ?[^\W\d_]+|\d{1,3}| ?[^\w\s]{1,4}|_|\s+")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_STEP = (1.8, 2.2, 2.6, 3.4)
_COMMON_WORDS = """
a about after all also an and any are as at back be because but by can come could day do for from
get give go good has have he her him his how i if in into is it its just know like look make many me
more most my new no not now of on one only or other our out over people said say see she should so
some take than that the their them then there these they thing think this time to two up us use very
want was way we well were what when which who will with would year yes you your
"""
_COMMON = frozenset(_COMMON_WORDS.split())


class _Prices(dict[str, int]):
    """What each piece costs, remembered."""

    def __missing__(self, piece: str) -> int:
        price = _price(piece)
        if len(piece) <= PIECE_CHARACTERS_MAX:
            if len(self) >= PIECES_MAX:
                self.clear()
            self[piece] = price
        return price


def _price(piece: str) -> int:
    word = piece.lstrip(" ")
    if not word:
        return (len(piece) + 3) // 4
    if word.isspace():
        return word.count("\n") + (len(word) - word.count("\n") + 3) // 4
    if not word.isascii():
        return sum(map(_foreign, word))
    if word.isalpha():
        return sum(map(_word, _HUMP.findall(word)))
    return 1


def _word(hump: str) -> int:
    lower = hump.lower()
    if lower in _COMMON:
        return 1
    return -int(-len(hump) // _STEP[crc32(lower.encode()) & 3])


def _foreign(character: str) -> int:
    point = ord(character)
    if point < 0x250:
        return 1
    if point < 0x2E80:
        return 1 if point % 3 else 2
    if point < 0x10000:
        return 2 if point % 19 == 0 else 1
    return 3


_PRICES = _Prices()


def count_text(text: str) -> int:
    """Tokens of a text on the newest tokenizer, 0 for none."""
    if len(text) <= SLICE_CHARACTERS:
        return sum(map(_PRICES.__getitem__, _PIECE.findall(text)))
    return sum(
        count_text(text[start : start + SLICE_CHARACTERS])
        for start in range(0, len(text), SLICE_CHARACTERS)
    )


def cut_text(text: str, room: int, scale: float = 1.0) -> str:
    """The longest beginning of a text that fits into `room` tokens, in the middle of a word where
    it must be, and never white space alone where there is more."""
    budget = room / scale
    spent = 0
    for match in _PIECE.finditer(text):
        price = _PRICES[match[0]]
        if spent + price > budget:
            start, length = match.start(), len(match[0])
            end = start + max(0, int(length * (budget - spent) / price))
            while end > start and spent + count_text(text[start:end]) > budget:
                end = start + (end - start) * 9 // 10
            while end < len(text) and not text[:end].strip():
                end += 1
            return text[:end]
        spent += price
    return text


class Part(NamedTuple):
    """One block of the prompt. They come in the order in which the API reads them: tools, system
    prompt, messages; one part for each tool and block."""

    role: str
    """tools, prompt (the system prompt), user, assistant or system."""
    tokens: int
    """Its own, and the overhead that comes before it."""
    digest: bytes
    """Of its content without cache_control."""
    mark: Mapping[str, Any] | None = None
    """Its cache_control."""
    thinking: bool = False


class Prompt(NamedTuple):
    """A prompt, counted: its parts and its total."""

    parts: list[Part]
    tokens: int


def shared_length(known: Sequence[object], new: Sequence[object]) -> int:
    """How many items two sequences of one kind begin with in common; cheap where they are the very
    same objects."""
    if new[: len(known)] == known:
        return len(known)
    pairs = enumerate(zip(known, new, strict=False))
    differs = (place for place, (one, other) in pairs if one is not other and one != other)
    return next(differs, min(len(known), len(new)))


class Meter:
    """Counts prompts. Blocks are remembered by their content; what is forgotten is counted anew."""

    def __init__(self) -> None:
        self._seen: dict[object, tuple[int, bytes]] = {}
        # Keyed by identity, which a request's parser keeps; the message is held, so that its
        # identity is not given to another.
        self._said: dict[tuple[int, int], tuple[Message, list[Part]]] = {}
        self._openings: dict[Settings, tuple[list[Part], int]] = {}
        self._last: tuple[tuple[Message, ...], int, list[Part]] = ((), 0, [])
        self._characters = 0

    def block(self, block: Block) -> tuple[int, bytes]:
        """Tokens on the newest tokenizer, and digest, of a block."""
        key = _key(block)
        known = self._seen.get(key)
        if known is None:
            data = to_json(_plain(block))
            self._remember(len(data))
            known = self._seen[key] = (_tokens(block, data), hashlib.sha256(data).digest())
        return known

    def tool(self, tool: Block) -> tuple[int, bytes]:
        """The same of a tool's definition."""
        data = to_json(_plain(tool))
        known = self._seen.get(("tool", data))
        if known is None:
            self._remember(len(data))
            tokens = TOOL_TOKENS + count_text(data.decode())
            known = self._seen[("tool", data)] = (tokens, hashlib.sha256(data).digest())
        return known

    def _remember(self, characters: int) -> None:
        self._characters += characters
        if self._characters > MEMO_CHARACTERS_MAX:
            self._seen.clear()
            self._said.clear()
            self._characters = characters

    def prompt(self, request: Request, spec: ModelSpec) -> Prompt:
        """Count a whole prompt as the model's tokenizer does."""
        opening, overhead = self._opening(request)
        spoken, overhead = self._spoken(request.messages, overhead)
        parts = opening + spoken
        if spec.token_scale != 1.0:
            parts = [part._replace(tokens=scaled(part.tokens, spec)) for part in parts]
        return Prompt(parts, sum([part.tokens for part in parts]) + overhead)

    def _opening(self, request: Request) -> tuple[list[Part], int]:
        """The tools and the system prompt, and the overhead that is left for what comes next."""
        known = self._openings.get(request.settings)
        if known is not None:
            return known
        parts: list[Part] = []
        overhead = PROMPT_TOKENS + (TOOLS_TOKENS if request.tools else 0)
        for tool in request.tools:
            tokens, digest = self.tool(tool)
            parts.append(Part("tools", overhead + tokens, digest, tool.get("cache_control")))
            overhead = 0
        overhead += SYSTEM_TOKENS if request.system else 0
        for block in request.system:
            tokens, digest = self.block(block)
            parts.append(Part("prompt", overhead + tokens, digest, block.get("cache_control")))
            overhead = 0
        if len(self._openings) >= OPENINGS_MAX:
            self._openings.clear()
        self._openings[request.settings] = parts, overhead
        return parts, overhead

    def _spoken(self, messages: tuple[Message, ...], overhead: int) -> tuple[list[Part], int]:
        """The parts of the messages. A conversation's next request begins like its last one: what
        they share is not looked at again."""
        start = overhead
        known, known_start, parts = self._last
        shared = shared_length(known, messages) if start == known_start else 0
        role = ""
        if shared and messages[shared - 1].blocks:
            parts = parts[: len(parts) - sum(len(one.blocks) for one in known[shared:])]
            overhead, role = 0, messages[shared - 1].role
        else:
            shared, parts = 0, []
        for message in messages[shared:]:
            if message.role != role:
                role = message.role
                overhead += TURN_TOKENS[role]
            parts += self._parts_of(message, overhead)
            if message.blocks:
                overhead = 0
        self._last = messages, start, parts
        return parts, overhead

    def _parts_of(self, message: Message, overhead: int) -> list[Part]:
        known = self._said.get((id(message), overhead))
        if known is None or known[0] is not message:
            known = (message, self._parts(message, overhead))
            self._said[(id(message), overhead)] = known
        return known[1]

    def _parts(self, message: Message, overhead: int) -> list[Part]:
        parts = []
        for block in message.blocks:
            tokens, digest = self.block(block)
            thinking = block["type"] == "thinking"
            mark = block.get("cache_control")
            parts.append(Part(message.role, overhead + tokens, digest, mark, thinking))
            overhead = 0
        if len(self._said) >= MESSAGES_MAX:
            self._said.clear()
        return parts


def scaled(tokens: int, spec: ModelSpec) -> int:
    """Tokens of the newest tokenizer as the model's own counts them."""
    return tokens if spec.token_scale == 1.0 else max(1, round(tokens * spec.token_scale))


def _key(block: Block) -> object:
    kind = block["type"]
    if kind == "text" and not block.get("citations"):
        return block["text"]
    if kind == "thinking":
        return "thinking", block["thinking"], block["signature"]
    if kind == "tool_result" and isinstance(content := block.get("content"), str):
        return "tool_result", block["tool_use_id"], content, bool(block.get("is_error"))
    return to_json(block)


def _plain(block: Block) -> Block:
    return {
        key: value for key, value in block.items() if key != "cache_control" and value is not None
    }


def _tokens(block: Block, data: bytes) -> int:
    kind = block["type"]
    if kind in ("text", "thinking"):
        tokens = count_text(block[kind])
    elif kind == "tool_result":
        tokens = _result_tokens(block.get("content"))
    elif kind == "tool_use":
        tokens = count_text(block["name"]) + count_text(to_json(block["input"]).decode())
    else:
        tokens = count_text(data.decode())
    return tokens + BLOCK_TOKENS.get(kind, 0)


def _result_tokens(content: object) -> int:
    if isinstance(content, str):
        return count_text(content)
    if isinstance(content, list):
        return sum(count_text(part["text"]) for part in content if part["type"] == "text")
    return 0
