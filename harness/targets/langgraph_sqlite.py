"""LangGraph with `SqliteSaver`, unmodified: a model node, a tool node, one thread a session.

The graph is the one of the library's own quickstart, with the Anthropic client in its model node.
A message that is sent again is not put in again: the thread is invoked with None, as the library
says to resume after a failure. `options: {resume: false}` always puts the message in (as a chat
does that does not know of the failure), `options: {durability: sync}` is handed on.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anthropic
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph

from harness.protocol import Message, Tool

_MAX_TOKENS = 4_096


class GraphSession:
    """One thread of the graph."""

    def __init__(
        self, home: Path, thread: str, settings: Mapping[str, Any], tools: Mapping[str, Tool]
    ) -> None:
        options = settings.get("options", {})
        self._resumes = bool(options.get("resume", True))
        self._durability: Any = options.get("durability")
        self._client = anthropic.Anthropic()
        self._settings = settings
        self._tools = tools
        self._config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": 100}
        self._connection = sqlite3.connect(home / "checkpoints.sqlite", check_same_thread=False)
        builder = StateGraph(MessagesState)
        builder.add_node("model", self._ask)
        builder.add_node("tools", self._use)
        builder.add_edge(START, "model")
        builder.add_conditional_edges("model", _next, ["tools", END])
        builder.add_edge("tools", "model")
        self._graph: Any = builder.compile(checkpointer=SqliteSaver(self._connection))

    def send(self, message_id: str, text: str) -> str:
        """Run the graph on the message, or on what is left of it."""
        known = any(said.id == message_id for said in self._messages())
        if known and self._resumes:
            # Even where nothing seems left to do: the state shows what a node has answered before
            # a checkpoint holds it, and the next message would leave it behind.
            self._invoke(None)
        else:
            self._invoke({"messages": [HumanMessage(text, id=message_id)]})
        return _text(self._messages()[-1])

    def history(self) -> Sequence[Message]:
        """The thread's messages."""
        return [Message(**said) for said in _to_anthropic(self._messages())]

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _invoke(self, given: Any) -> None:
        self._graph.invoke(given, self._config, durability=self._durability)

    def _messages(self) -> list[BaseMessage]:
        found: list[BaseMessage] = self._graph.get_state(self._config).values.get("messages", [])
        return found

    def _ask(self, state: MessagesState) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self._settings["model"],
            "max_tokens": self._settings.get("max_tokens", _MAX_TOKENS),
            "messages": _to_anthropic(state["messages"]),
        }
        if "system" in self._settings:
            request["system"] = self._settings["system"]
        if self._tools:
            request["tools"] = [_described(tool) for tool in self._tools.values()]
        reply = self._client.messages.create(**request)
        content: Any = [block.model_dump(mode="json", exclude_none=True) for block in reply.content]
        calls = [
            {"name": block["name"], "args": block["input"], "id": block["id"]}
            for block in content
            if block["type"] == "tool_use"
        ]
        return {"messages": [AIMessage(content, tool_calls=calls)]}

    def _use(self, state: MessagesState) -> dict[str, Any]:
        last: Any = state["messages"][-1]
        results = []
        for call in last.tool_calls:
            result = self._tools[call["name"]](call["args"], call_id=call["id"])
            results.append(ToolMessage(json.dumps(result), tool_call_id=call["id"]))
        return {"messages": results}


def _next(state: MessagesState) -> str:
    last: Any = state["messages"][-1]
    return "tools" if last.tool_calls else END


def _described(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": dict(tool.input_schema),
    }


def _to_anthropic(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Results that follow each other are one message of the user's."""
    told: list[dict[str, Any]] = []
    for said in messages:
        if isinstance(said, ToolMessage):
            block = {
                "type": "tool_result",
                "tool_use_id": said.tool_call_id,
                "content": said.content,
            }
            if told and told[-1]["role"] == "user" and isinstance(told[-1]["content"], list):
                told[-1]["content"].append(block)
            else:
                told.append({"role": "user", "content": [block]})
        else:
            role = "user" if said.type == "human" else "assistant"
            told.append({"role": role, "content": said.content})
    return told


def _text(said: BaseMessage) -> str:
    if isinstance(said.content, str):
        return said.content
    blocks: Any = said.content
    return "".join(block["text"] for block in blocks if block["type"] == "text")


class LanggraphSqlite:
    """The target."""

    name = "langgraph_sqlite"
    options = ("resume", "durability")

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, object],
        tools: Mapping[str, Tool],
    ) -> GraphSession:
        """The graph on the home's database; the session is its thread."""
        return GraphSession(home, session_id, settings, tools)
