"""A small, correct, durable stack: the one that every broken stack here is a variation of.

One JSON line a message and one a tool intent or result, each fsynced before anything depends on it;
a user message carries its id, so that sending it again goes on where it stopped. It never trims.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anthropic

from harness.protocol import Checkpoint, Message, Tool

Row = dict[str, Any]
UNKNOWN = "This call was interrupted, and its outcome is unknown."


class Lines:
    """An append-only file of JSON lines; a line torn by a crash is cut off on opening."""

    def __init__(self, path: Path) -> None:
        whole = path.read_bytes() if path.exists() else b""
        body = whole[: whole.rfind(b"\n") + 1]
        self.rows: list[Row] = [json.loads(line) for line in body.splitlines()]
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(self.file, len(body))
        sync_folder(path.parent)

    def append(self, row: Row) -> None:
        """Durable when it returns."""
        os.write(self.file, json.dumps(row).encode() + b"\n")
        os.fsync(self.file)
        self.rows.append(row)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.file)


class Conversation:
    """One open session. `settings` are the scenario's `stack` and the model's name."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        self.home = home
        self.settings = settings
        self.tools = tools
        self.client = anthropic.Anthropic()
        self.log = Lines(home / "log.jsonl")
        self.journal = Lines(home / "journal.jsonl")

    def send(self, message_id: str, text: str) -> str:
        """Answer a message, or go on with the answer that a crash interrupted."""
        if not self.turn(message_id):
            self.remember({"role": "user", "content": text, "id": message_id})
        while (said := self.turn(message_id)[-1])["role"] != "assistant" or calls(said):
            if said["role"] == "assistant":
                self.answer_calls(said)
            self.remember({"role": "assistant", "content": self.ask()})
        self.save_checkpoint()
        return "".join(b["text"] for b in said["content"] if b["type"] == "text")

    def send_pinned(self, message_id: str, text: str) -> str:
        """The same: what is never trimmed is pinned."""
        return self.send(message_id, text)

    def remember(self, row: Row) -> None:
        """Add a message to the log."""
        self.log.append(row)

    def turn(self, message_id: str) -> list[Row]:
        """All messages of the turn that this message began."""
        rows = self.log.rows
        starts = [i for i, row in enumerate(rows) if "id" in row]
        mine = next((i for i in starts if rows[i]["id"] == message_id), len(rows))
        return rows[mine : next((i for i in starts if i > mine), len(rows))]

    def ask(self) -> list[Row]:
        """One model call over all that is remembered; returns its content blocks."""
        reply = self.client.messages.create(**self.request())
        return [block.model_dump(exclude_none=True) for block in reply.content]

    def request(self) -> Row:
        """What the model is asked."""
        request: Row = {
            "model": self.settings["model"],
            "max_tokens": self.settings.get("max_tokens", 1024),
            "messages": [
                {"role": row["role"], "content": row["content"]}
                for row in self.log.rows
                if row["content"]
            ],
        }
        if system := self.system():
            cached = {"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}
            request["system"] = [cached]
        if self.tools:
            request["tools"] = [
                {"name": t.name, "description": t.description, "input_schema": t.input_schema}
                for t in self.tools.values()
            ]
        return request

    def system(self) -> str:
        """The system prompt, or nothing."""
        return str(self.settings.get("system") or "")

    def answer_calls(self, said: Row) -> None:
        """Run what the model asked for, and remember the results."""
        results = [
            {"type": "tool_result", "tool_use_id": call["id"], "content": self.use(call)}
            for call in calls(said)
        ]
        self.remember({"role": "user", "content": results})

    def use(self, call: Row) -> str:
        """One tool call, within the tool's contract however often a crash interrupts it."""
        tool, call_id = self.tools[call["name"]], call["id"]
        known = [row for row in self.journal.rows if row["call_id"] == call_id]
        results = [row["result"] for row in known if "result" in row]
        if results:
            return str(results[0])
        if known and tool.contract == "at_most_once":
            return UNKNOWN
        self.journal.append({"call_id": call_id})
        result = json.dumps(tool(call["input"], call_id=call_id))
        self.journal.append({"call_id": call_id, "result": result})
        return result

    def completed(self) -> int:
        """How many turns are complete."""
        return sum(row["role"] == "assistant" and not calls(row) for row in self.log.rows)

    def save_checkpoint(self) -> None:
        """Every few turns, whole or not at all."""
        if self.completed() % self.settings.get("checkpoint_every", 3) == 0:
            data = {"turn_number": self.completed(), "tool_state": {"done": len(self.journal.rows)}}
            draft = self.home / "checkpoint.draft"
            with draft.open("w") as file:
                file.write(json.dumps(data))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.home / "checkpoint.json")
            sync_folder(self.home)

    def checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint."""
        path = self.home / "checkpoint.json"
        return Checkpoint(**json.loads(path.read_text())) if path.exists() else None

    def history(self) -> Sequence[Message]:
        """All that is in the log."""
        return [Message(row["role"], row["content"]) for row in self.log.rows]

    def close(self) -> None:
        """Let go of files and connections."""
        self.log.close()
        self.journal.close()
        self.client.close()


class Honest:
    """The target: breaks no promise."""

    name = "honest"
    session: type[Conversation] = Conversation

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, Any],
        tools: Mapping[str, Tool],
    ) -> Conversation:
        """Open the one session that lives in `home`."""
        return self.session(home, settings, tools)


def calls(row: Row) -> list[Row]:
    """The tool calls in a message."""
    if isinstance(row["content"], str):
        return []
    return [block for block in row["content"] if block["type"] == "tool_use"]


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
