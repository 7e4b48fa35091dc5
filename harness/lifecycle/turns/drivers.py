"""Carrying the steps of a turn out: one driver that blocks, one on an event loop.

Neither knows what a turn means. The async driver calls the tools of one reply at once; the sync one
calls them one after another.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from harness.lifecycle.turns.refusals import retries_before
from harness.lifecycle.turns.tools import ToolCall, run, run_async, settled_without_calling
from harness.lifecycle.turns.turn import Ask, Calls, TurnLogic

_Result = TypeVar("_Result")


def drive(logic: TurnLogic, client: Any, tools: Mapping[str, Any]) -> str:
    """Take steps until the newest turn is done; the answer."""
    while True:
        step = logic.next_step()
        if isinstance(step, Ask):
            try:
                message, retries = _asked(client, step.request)
            except Exception as error:
                if not logic.failed(error, retries=retries_before(error, client)):
                    raise
            else:
                logic.received(message, retries=retries)
        elif isinstance(step, Calls):
            for call in step.calls:
                _dispatch(logic, tools, call)
        else:
            return step.answer


async def drive_async(logic: TurnLogic, client: Any, tools: Mapping[str, Any]) -> str:
    """The same on the running event loop; a summary hook is called beside it."""
    while True:
        if logic.transcript.window.summarize is None:
            step = logic.next_step()
        else:
            step = await _to_its_end(logic.next_step)
        if isinstance(step, Ask):
            try:
                message, retries = await _asked_async(client, step.request)
            except Exception as error:
                if not logic.failed(error, retries=retries_before(error, client)):
                    raise
            else:
                logic.received(message, retries=retries)
        elif isinstance(step, Calls):
            await _dispatch_all(logic, tools, step.calls)
        else:
            return step.answer


async def _to_its_end(work: Callable[[], _Result]) -> _Result:
    """Do it in a thread. Cancelled, wait for it all the same: nobody else may touch the log."""
    doing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        while not doing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([doing])
        if not doing.cancelled():
            doing.exception()
        raise


def _asked(client: Any, request: Mapping[str, Any]) -> tuple[Any, int]:
    """The model's message, and how often the SDK had to try again for it."""
    raw = getattr(client.messages, "with_raw_response", None)
    if raw is None:
        return client.messages.create(**request), 0
    response = raw.create(**request)
    return response.parse(), response.retries_taken


async def _asked_async(client: Any, request: Mapping[str, Any]) -> tuple[Any, int]:
    raw = getattr(client.messages, "with_raw_response", None)
    if raw is None:
        return await client.messages.create(**request), 0
    response = await raw.create(**request)
    message = response.parse()
    return await message if inspect.isawaitable(message) else message, response.retries_taken


def _dispatch(logic: TurnLogic, tools: Mapping[str, Any], call: ToolCall) -> None:
    tool = tools.get(call.name)
    outcome = settled_without_calling(tool, call)
    if outcome is None:
        logic.calling(call)
        outcome = run(tool, call)
    logic.called(call, outcome)


async def _dispatch_async(logic: TurnLogic, tools: Mapping[str, Any], call: ToolCall) -> None:
    tool = tools.get(call.name)
    outcome = settled_without_calling(tool, call)
    if outcome is None:
        logic.calling(call)
        outcome = await run_async(tool, call)
    logic.called(call, outcome)


async def _dispatch_all(logic: TurnLogic, tools: Mapping[str, Any], calls: list[ToolCall]) -> None:
    # Each call goes on to its own result even when another one's journal entry cannot be written.
    tasks = (_dispatch_async(logic, tools, call) for call in calls)
    for each in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(each, BaseException):
            raise each
