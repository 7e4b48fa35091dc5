"""Tools: what one looks like, its word about repetition, and what a call's outcome becomes.

`idempotent`: calling again with the same call id has no further effect. `at_most_once`: a call may
be lost in a crash, never doubled. `at_least_once`: it may be doubled in a crash, never lost. The
word is kept through a crash before, in and after the call, by a journal of intents and results:
only an `at_most_once` call with an intent and no result is not called again.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from harness.lifecycle.memory.blocks import Block

Contract = Literal["idempotent", "at_most_once", "at_least_once"]


class Tool(Protocol):
    """What the stack asks of a tool. With a `call_async` beside it, async drivers await that."""

    name: str
    description: str
    input_schema: Mapping[str, Any]
    contract: Contract

    def __call__(self, arguments: Mapping[str, Any], *, call_id: str | None = None) -> Any:
        """Run it; the result is text or JSON-like, or a list of content blocks."""
        ...


@dataclass(frozen=True)
class FunctionTool:
    """A plain function, called with the model's arguments by keyword, as a tool."""

    name: str
    function: Callable[..., Any]
    description: str = ""
    input_schema: Mapping[str, Any] | None = None
    contract: Contract = "at_most_once"

    def __call__(self, arguments: Mapping[str, Any], *, call_id: str | None = None) -> Any:
        """Call the function."""
        return self.function(**arguments)


@dataclass(frozen=True)
class ToolCall:
    """One call the model asks for; `id` is its tool_use id."""

    id: str
    name: str
    arguments: Mapping[str, Any]
    begun: bool = False
    """An intent is in the journal, and no result: an earlier process died in the middle."""


@dataclass(frozen=True)
class Outcome:
    """What came of a call: text or blocks for the model, and whether it failed."""

    content: str | list[Block]
    is_error: bool = False


def named(tools: Mapping[str, Any] | Iterable[Any]) -> dict[str, Any]:
    """Tools by name, whichever way they were given."""
    if isinstance(tools, Mapping):
        return dict(tools)
    several: Iterable[Any] = tools
    return {tool.name: tool for tool in several}


def definition(tool: Any) -> Block:
    """The tool as a request describes it."""
    shape: Block = {"name": tool.name}
    if tool.description:
        shape["description"] = tool.description
    shape["input_schema"] = dict(tool.input_schema or {"type": "object"})
    return shape


def settled_without_calling(tool: Any | None, call: ToolCall) -> Outcome | None:
    """The outcome of a call that must not be made (again), else None."""
    if tool is None:
        return Outcome(f"There is no tool named {call.name!r}.", is_error=True)
    if call.begun and tool.contract == "at_most_once":
        return Outcome(
            "The outcome of this call is unknown: the process died after it began and before a "
            "result was recorded. It may or may not have taken effect, and was not repeated.",
            is_error=True,
        )
    return None


def run(tool: Any, call: ToolCall) -> Outcome:
    """Call a tool. What it raises is the model's to know; a BaseException passes."""
    try:
        return _outcome(tool(call.arguments, call_id=call.id))
    except Exception as error:  # noqa: BLE001 - a tool may raise anything; the model is told
        return _failure(error)


async def run_async(tool: Any, call: ToolCall) -> Outcome:
    """The same on an event loop: `call_async` where there is one, else in a thread."""
    try:
        if hasattr(tool, "call_async"):
            return _outcome(await tool.call_async(call.arguments, call_id=call.id))
        result = await asyncio.to_thread(tool, call.arguments, call_id=call.id)
        return _outcome(await result if inspect.isawaitable(result) else result)
    except Exception as error:  # noqa: BLE001 - a tool may raise anything; the model is told
        return _failure(error)


def _failure(error: Exception) -> Outcome:
    return Outcome(f"{type(error).__name__}: {error}", is_error=True)


def _outcome(result: Any) -> Outcome:
    if isinstance(result, str):
        text = result
    elif _is_blocks(result):
        return Outcome(_storable(result) or "(empty)")
    else:
        text = json.dumps(result, ensure_ascii=False, default=str)
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return Outcome(clean if clean.strip() else "(empty)")


def _is_blocks(result: Any) -> bool:
    return (
        isinstance(result, list)
        and bool(result)
        and all(isinstance(each, dict) and each.get("type") in ("text", "image") for each in result)
        and all(isinstance(each["text"], str) for each in result if "text" in each)
    )


def _storable(blocks: list[Block]) -> list[Block]:
    """The blocks as the log can hold and the API take them; TypeError or ValueError if neither."""
    text = json.dumps(blocks, ensure_ascii=False, allow_nan=False)
    clean: list[Block] = json.loads(text.encode("utf-8", "replace"))
    return [each for each in clean if each["type"] != "text" or each.get("text", "").strip()]
