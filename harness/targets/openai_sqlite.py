"""OpenAI Agents with `SQLiteSession`, unmodified; the Anthropic client is its model.

The library takes any `Model`: this one puts the items that it is given into a request to Claude and
the answer back into items, and keeps nothing. A message that is sent again after a restart or an
error is taken back first, with `pop_item`, where it was left at the end. Tracing, which would phone
home, is switched off with the library's own setting. `options: {limit: 4}` is handed to the
session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anthropic
from agents import (
    Agent,
    FunctionTool,
    Model,
    ModelResponse,
    RunConfig,
    Runner,
    SQLiteSession,
    Usage,
)
from agents.memory import SessionSettings
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from harness.protocol import Message, Tool

_MAX_TOKENS = 4_096
_TURNS_MAX = 50


class Claude(Model):  # type: ignore[misc]  # the library is not checked along
    """Claude as the library's model."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._client = anthropic.AsyncAnthropic()
        self._settings = settings

    async def get_response(
        self,
        system_instructions: str | None,
        input: Any,  # noqa: A002 - the library calls it so
        model_settings: Any,
        tools: Sequence[Any],
        *_more: Any,
        **_named: Any,
    ) -> ModelResponse:
        """One request, one answer."""
        request: dict[str, Any] = {
            "model": self._settings["model"],
            "max_tokens": self._settings.get("max_tokens", _MAX_TOKENS),
            "messages": to_anthropic(input),
        }
        if system_instructions:
            request["system"] = system_instructions
        if tools:
            request["tools"] = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.params_json_schema,
                }
                for tool in tools
            ]
        reply = await self._client.messages.create(**request)
        return ModelResponse(_output(reply), Usage(requests=1), response_id=None)

    def stream_response(self, *_arguments: Any, **_named: Any) -> Any:
        """Nobody asks for it."""
        raise NotImplementedError("this target does not stream")


def _output(reply: anthropic.types.Message) -> list[Any]:
    items: list[Any] = []
    for block in reply.content:
        if block.type == "text":
            text = ResponseOutputText(annotations=[], text=block.text, type="output_text")
            items.append(
                ResponseOutputMessage(
                    id=reply.id,
                    content=[text],
                    role="assistant",
                    status="completed",
                    type="message",
                )
            )
        elif block.type == "tool_use":
            items.append(
                ResponseFunctionToolCall(
                    arguments=json.dumps(block.input),
                    call_id=block.id,
                    name=block.name,
                    type="function_call",
                )
            )
    return items


def to_anthropic(items: Any) -> list[dict[str, Any]]:
    """The library's items as Anthropic's messages; what belongs to one of them stands together."""
    if isinstance(items, str):
        return [{"role": "user", "content": items}]
    told: list[dict[str, Any]] = []
    for item in items:
        role, blocks = _blocks(item)
        goes_on = role == "assistant" or blocks[0]["type"] == "tool_result"
        if goes_on and told and told[-1]["role"] == role:
            told[-1]["content"] += blocks
        else:
            told.append({"role": role, "content": blocks})
    return told


def _blocks(item: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    kind = item.get("type", "message")
    if kind == "function_call":
        arguments = json.loads(item["arguments"] or "{}")
        call = {"id": item["call_id"], "name": item["name"], "input": arguments}
        return "assistant", [{"type": "tool_use", **call}]
    if kind == "function_call_output":
        result = {"tool_use_id": item["call_id"], "content": str(item["output"])}
        return "user", [{"type": "tool_result", **result}]
    content = item["content"]
    texts = [content] if isinstance(content, str) else [part["text"] for part in content]
    return item["role"], [{"type": "text", "text": text} for text in texts]


class AgentsSession:
    """One session of the library, and the agent that runs in it."""

    def __init__(
        self, home: Path, session_id: str, settings: Mapping[str, Any], tools: Mapping[str, Tool]
    ) -> None:
        limit = settings.get("options", {}).get("limit")
        self._session = SQLiteSession(
            session_id, home / "agents.db", session_settings=SessionSettings(limit=limit)
        )
        self._agent = Agent(
            name="agent",
            instructions=settings.get("system"),
            model=Claude(settings),
            tools=[_tool(tool) for tool in tools.values()],
        )
        self._quiet = RunConfig(tracing_disabled=True)
        self._unsure = True

    async def send(self, message_id: str, text: str) -> str:
        """Run the agent on the message; take it back first where an earlier run has left it."""
        last = await self._session.get_items(limit=1) if self._unsure else []
        if last and last[0].get("role") == "user" and last[0].get("content") == text:
            await self._session.pop_item()
        self._unsure = True
        result = await Runner.run(
            self._agent,
            text,
            session=self._session,
            run_config=self._quiet,
            max_turns=_TURNS_MAX,
        )
        self._unsure = False
        return str(result.final_output)

    async def history(self) -> Sequence[Message]:
        """All items of the session."""
        items = await self._session.get_items(limit=-1)
        return [Message(said["role"], said["content"]) for said in to_anthropic(items)]

    def close(self) -> None:
        """Close the database."""
        self._session.close()


def _tool(tool: Tool) -> FunctionTool:
    async def use(context: Any, arguments: str) -> str:
        result = await tool.call_async(json.loads(arguments), call_id=context.tool_call_id)
        return json.dumps(result)

    return FunctionTool(
        name=tool.name,
        description=tool.description,
        params_json_schema=dict(tool.input_schema),
        on_invoke_tool=use,
        strict_json_schema=False,
    )


class OpenaiSqlite:
    """The target."""

    name = "openai_sqlite"
    options = ("limit",)

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, object],
        tools: Mapping[str, Tool],
    ) -> AgentsSession:
        """An agent whose session is in the home's database."""
        return AgentsSession(home, session_id, settings, tools)
