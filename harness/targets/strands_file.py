"""Strands Agents with `FileSessionManager`, unmodified, and its own Anthropic model.

A message that is sent again after a restart is not written again where it stands unanswered at the
end: the agent goes on from what it has. Where a call without a result stands there, it is sent
again, and the agent repairs the pair by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strands import Agent
from strands.models.anthropic import AnthropicModel
from strands.session.file_session_manager import FileSessionManager
from strands.tools.tools import PythonAgentTool

from harness.protocol import Message, Tool

_AGENT = "agent"
_MAX_TOKENS = 4_096


class AgentSession:
    """One agent and its session."""

    def __init__(
        self, home: Path, session_id: str, settings: Mapping[str, Any], tools: Mapping[str, Tool]
    ) -> None:
        self._session_id = session_id
        self._manager = FileSessionManager(session_id=session_id, storage_dir=str(home))
        self._agent = Agent(
            model=AnthropicModel(
                model_id=settings["model"], max_tokens=settings.get("max_tokens", _MAX_TOKENS)
            ),
            tools=[_tool(tool) for tool in tools.values()],
            system_prompt=settings.get("system"),
            agent_id=_AGENT,
            session_manager=self._manager,
            callback_handler=None,
        )
        self._restored = True

    async def send(self, message_id: str, text: str) -> str:
        """Ask the agent."""
        # Only what was read from the files is known to stand in them.
        unanswered = self._restored and self._unanswered(text)
        self._restored = False
        result = await self._agent.invoke_async(None if unanswered else text)
        return "".join(block.get("text", "") for block in result.message["content"])

    async def history(self) -> Sequence[Message]:
        """Every message of the session's files."""
        kept = self._manager.list_messages(self._session_id, _AGENT)
        return [_told(one.to_message()) for one in kept]

    def close(self) -> None:
        """Nothing is held open."""

    def _unanswered(self, text: str) -> bool:
        """Whether the last turn is this message's and waits for the model."""
        messages = self._agent.messages
        if not messages or messages[-1]["role"] != "user":
            return False
        asked = (
            "".join(block["text"] for block in said["content"] if "text" in block)
            for said in reversed(messages)
            if said["role"] == "user"
        )
        return next(filter(None, asked), None) == text


def _tool(tool: Tool) -> PythonAgentTool:
    spec: Any = {
        "name": tool.name,
        "description": tool.description or tool.name,
        "inputSchema": {"json": dict(tool.input_schema)},
    }

    def use(call: Any, **_state: Any) -> Any:
        result = tool(call["input"], call_id=call["toolUseId"])
        content = [{"json": result}]
        return {"toolUseId": call["toolUseId"], "status": "success", "content": content}

    return PythonAgentTool(tool.name, spec, use)


def _told(message: Any) -> Message:
    return Message(message["role"], [_block(block) for block in message["content"]])


def _block(block: Mapping[str, Any]) -> dict[str, object]:
    if "toolUse" in block:
        use = block["toolUse"]
        return {
            "type": "tool_use",
            "id": use["toolUseId"],
            "name": use["name"],
            "input": use["input"],
        }
    if "toolResult" in block:
        result = block["toolResult"]
        return {
            "type": "tool_result",
            "tool_use_id": result["toolUseId"],
            "content": str(result["content"]),
            "is_error": result["status"] == "error",
        }
    return {"type": "text", "text": block.get("text", "")}


class StrandsFile:
    """The target."""

    name = "strands_file"

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, object],
        tools: Mapping[str, Tool],
    ) -> AgentSession:
        """An agent whose session lies in the home."""
        return AgentSession(home, session_id, settings, tools)
