"""The naive stack: the published article's composition taken literally. It exists to be caught.

A window that counts characters / 4 and drops the oldest message, a JSONL log that is appended
without a thought for crashes, a checkpoint every N turns of its own loop, the last fragment of the
reply returned. Its thirty-three defects are known; nothing here is to be mended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anthropic

from harness.protocol import Checkpoint, Message, Tool


def _count_tokens(content: Any) -> int:
    return len(content) // 4


class _Window:
    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self.messages: list[dict[str, Any]] = []
        self.dropped: list[dict[str, Any]] = []
        self.total = 0

    def push(self, role: str, content: Any) -> None:
        self.messages.append({"role": role, "content": content})
        self.total += _count_tokens(content)
        while self.messages and self.total > self.max_tokens:
            self.dropped.append(self.messages.pop(0))
            self.total -= _count_tokens(self.dropped[-1]["content"])


class NaiveSession:
    """One conversation: everything is read again for every message."""

    def __init__(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, Any],
        tools: Mapping[str, Tool],
    ) -> None:
        self._client = anthropic.Anthropic()
        self._log_path = home / f"{session_id}.jsonl"
        self._checkpoint_path = home / "checkpoint.json"
        self._settings = settings
        self._tools = tools

    def send(self, message_id: str, text: str) -> str:
        """Answer, as the article does it; `message_id` is not looked at."""
        window = _Window(self._settings.get("window_tokens", 100_000))
        for row in self._read_log():
            window.push(row["role"], row["content"])
        window.push("user", text)
        self._append("user", text)
        if window.dropped and self._settings.get("options", {}).get("summarize"):
            summary = self._summarize(window.dropped)
            window.messages.insert(0, {"role": "system", "content": summary})
        turn = 0
        while True:
            response = self._client.messages.create(**self._request(window.messages))
            turn += 1
            if response.stop_reason == "tool_use":
                calls = [block.model_dump(exclude_none=True) for block in response.content]
                results = [self._run(block) for block in calls if block["type"] == "tool_use"]
                for role, content in (("assistant", calls), ("user", results)):
                    self._append(role, content)
                    window.push(role, content)
                continue
            answer: str = response.content[0].text
            window.push("assistant", answer)
            self._append("assistant", answer)
            if turn % self._settings.get("checkpoint_every", 5) == 0:
                self._save(turn, answer)
            if response.stop_reason == "end_turn":
                return answer

    def history(self) -> Sequence[Message]:
        """What the log says."""
        return [Message(row["role"], row["content"]) for row in self._read_log()]

    def checkpoint(self) -> Checkpoint | None:
        """The checkpoint file, if it was ever written."""
        if not self._checkpoint_path.exists():
            return None
        saved = json.loads(self._checkpoint_path.read_text(encoding="utf-8"))
        return Checkpoint(saved["turn_number"], saved["tool_state"])

    def close(self) -> None:
        """Nothing is held open."""

    def _request(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self._settings["model"],
            "max_tokens": self._settings.get("max_tokens", 1024),
            "messages": messages,
        }
        if "system" in self._settings:
            request["system"] = self._settings["system"]
        if self._tools:
            request["tools"] = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": dict(tool.input_schema),
                }
                for tool in self._tools.values()
            ]
        return request

    def _summarize(self, dropped: list[dict[str, Any]]) -> str:
        said = "\n".join(f"{message['role']}: {message['content']}" for message in dropped)
        response: Any = self._client.messages.create(
            model=self._settings["model"],
            max_tokens=300,
            messages=[{"role": "user", "content": f"Summarise this conversation:\n\n{said}"}],
        )
        return f"Earlier conversation: {response.content[0].text}"

    def _run(self, block: Mapping[str, Any]) -> dict[str, Any]:
        result = self._tools[block["name"]](block["input"], call_id=block["id"])
        return {"type": "tool_result", "tool_use_id": block["id"], "content": json.dumps(result)}

    def _read_log(self) -> list[dict[str, Any]]:
        if not self._log_path.exists():
            return []
        with self._log_path.open(encoding="utf-8") as log:
            return [json.loads(line) for line in log]

    def _append(self, role: str, content: Any) -> None:
        with self._log_path.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"role": role, "content": content}) + "\n")

    def _save(self, turn: int, answer: str) -> None:
        saved = {"turn_number": turn, "tool_state": {}, "last_assistant_message": answer}
        self._checkpoint_path.write_text(json.dumps(saved), encoding="utf-8")


class Naive:
    """The target."""

    name = "naive"
    options = ("summarize",)

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, object],
        tools: Mapping[str, Tool],
    ) -> NaiveSession:
        """Open the session: the id is the name of its file."""
        return NaiveSession(home, session_id, settings, tools)
