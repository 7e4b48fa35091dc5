"""What is said: a scripted step turned into content blocks, within real budgets.

The reply stops where max_tokens or the window stops it, or at a stop sequence, wherever that falls:
in the thinking, in a word, in the middle of a tool's JSON. No script flag is needed for it.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from harness.model.catalogue import ModelSpec
from harness.model.meter import Meter, Prompt, cut_text, scaled
from harness.model.request import Request
from harness.model.rules.thinking import extend, sign
from harness.model.script.index import CALL_ID_STEM
from harness.scenario.plan import PlannedStep

_TALK = """
certainly the first point stands and the second follows from it as you said before we can settle
this today or leave it for later either way nothing is lost
"""
_WORDS = _TALK.split()


@dataclass
class Spoken:
    """One reply: its blocks, why it stopped, what it cost to say.

    `json` holds, by block index, the input of a tool call as it was said: perhaps cut short.
    """

    content: list[dict[str, Any]] = field(default_factory=list)
    json: dict[int, str] = field(default_factory=dict)
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    stop_details: Mapping[str, Any] | None = None
    output_tokens: int = 0
    thinking_tokens: int = 0


def small_talk(seed: int, about: str) -> str:
    """A short text for a request that no line of the script fits; the same for the same request."""
    draw = random.Random(f"{seed}/{about}")
    return " ".join(draw.choices(_WORDS, k=draw.randint(6, 12))).capitalize() + "."


class Speaker:
    """Says one step. `room` tokens are left; `full` names why it stops when they are used up."""

    def __init__(self, request: Request, spec: ModelSpec, prompt: Prompt, meter: Meter) -> None:
        wanted = spec.output_limit if request.max_tokens is None else request.max_tokens
        free = spec.context_window - prompt.tokens
        self._room = min(wanted, free)
        self._full = "max_tokens" if wanted <= free else "model_context_window_exceeded"
        self._request = request
        self._spec = spec
        self._prompt = prompt
        self._meter = meter
        self._spoken = Spoken()

    def say(self, step: PlannedStep, said: int = 0) -> Spoken:
        """The reply to this step, from the character `said` of its text on."""
        spoken = self._spoken
        calls = step.calls[:1] if self._one_call() else step.calls
        spoken.stop_reason = step.stop or ("tool_use" if calls else "end_turn")
        spoken.stop_details = step.stop_details
        if step.stop == "stop_sequence":
            spoken.stop_sequence = next(iter(self._request.stop_sequences), None)
        if self._room <= 0:
            spoken.stop_reason = self._full
            return spoken
        going = said > 0 or step.think is None or self._think(step.think)
        text = (step.text or "")[said:]
        if going and text.strip():
            going = self._text(text)
        for call in calls:
            if going:
                going = self._call(self._fresh_id(call.id), call.name, call.input)
        spoken.output_tokens = max(1, spoken.output_tokens)
        return spoken

    def _one_call(self) -> bool:
        return bool(self._request.tool_choice.get("disable_parallel_tool_use"))

    def _fresh_id(self, call_id: str) -> str:
        """The scripted id, or another form of it where the history has used it: ids are unique."""
        used = {one for message in self._request.messages for one in message.calls}
        if call_id not in used:
            return call_id
        forms = (f"{call_id[:CALL_ID_STEM]}{number:02x}" for number in itertools.count())
        return next(form for form in forms if form not in used)

    def _fits(self, tokens: int) -> bool:
        """Spend them; where there are not so many left, spend what is left and stop."""
        spoken = self._spoken
        if spoken.output_tokens + tokens <= self._room:
            spoken.output_tokens += tokens
            return True
        spoken.output_tokens = self._room
        spoken.stop_reason = self._full
        spoken.stop_sequence = None
        spoken.stop_details = None
        return False

    def _weigh(self, block: dict[str, Any]) -> int:
        return scaled(self._meter.block(block)[0], self._spec)

    def _left(self) -> int:
        return self._room - self._spoken.output_tokens

    def _think(self, text: str) -> bool:
        thinking = self._request.thinking.get("type")
        if thinking == "disabled" or (thinking is None and not self._spec.thinks_by_default):
            return True
        before, left = self._spoken.output_tokens, self._left()
        going = self._fits(self._weigh({"type": "text", "text": text}))
        if not going:
            text = cut_text(text, left, self._spec.token_scale)
        self._spoken.thinking_tokens = self._spoken.output_tokens - before
        shown = self._request.thinking.get("display") or self._spec.thinking_display
        text = text if shown == "summarized" else ""
        prefix = extend(b"", self._prompt.parts) if self._spec.binds_thinking else b""
        signature = sign(self._spec.id, text, prefix)
        self._spoken.content.append({"type": "thinking", "thinking": text, "signature": signature})
        return going

    def _text(self, text: str) -> bool:
        stops = [one for one in self._request.stop_sequences if one in text]
        stop = min(stops, key=text.index, default=None)
        if stop is not None:
            text = text[: text.index(stop)]
        left = self._left()
        going = not text or self._fits(self._weigh({"type": "text", "text": text}))
        if not going:
            text = cut_text(text, left, self._spec.token_scale)
        elif stop is not None:
            self._spoken.stop_reason, self._spoken.stop_sequence = "stop_sequence", stop
        if text.strip():
            self._spoken.content.append({"type": "text", "text": text})
        return going and stop is None

    def _call(self, call_id: str, name: str, arguments: Mapping[str, Any]) -> bool:
        block = {"type": "tool_use", "id": call_id, "name": name, "input": dict(arguments)}
        said = to_json(block["input"]).decode()
        left = self._left()
        going = self._fits(self._weigh(block))
        if not going:
            said = cut_text(said, left, self._spec.token_scale)
            block["input"] = _whole(said)
        self._spoken.json[len(self._spoken.content)] = said
        self._spoken.content.append(block)
        return going


def _whole(said: str) -> Any:
    try:
        return json.loads(said)
    except ValueError:
        return {}
