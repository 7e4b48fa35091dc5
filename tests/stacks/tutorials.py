"""The naive composition as other tutorials write it: habits that `naive` itself does not have.

Three targets: `Careless` has five of them, each with a place of its own to show, `LeftOpen` and
`SplitsLines` have one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.protocol import Message, Tool
from harness.targets.naive import Naive, NaiveSession


class Tutorial(Naive):
    """A target that opens sessions of its own kind."""

    session = NaiveSession

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, object],
        tools: Mapping[str, Tool],
    ) -> NaiveSession:
        """Open the session."""
        return self.session(home, session_id, settings, tools)


class CarelessSession(NaiveSession):
    """Offers tools and runs none (6), takes pins and drops them (14), blocks the loop it runs on
    (24), keeps its file where a reboot clears up (26) and never reads it (31)."""

    def __init__(self, home: Path, *more: Any) -> None:
        # tempfile.gettempdir() in the tutorial; here what is left goes with the run.
        folder = home.parent / f"{home.name}-tmp"
        folder.mkdir(exist_ok=True)
        super().__init__(folder, *more)
        self._rows: list[dict[str, Any]] = []

    async def send(self, message_id: str, text: str) -> str:  # type: ignore[override]
        """Answer with the text of the reply; its calls are forgotten."""
        self._append("user", text)
        messages = [{**row, "content": row["content"] or "(no text)"} for row in self._rows[-20:]]
        while messages[0]["role"] != "user":
            del messages[0]
        response: Any = self._client.messages.create(**self._request(messages))
        answer = "".join(block.text for block in response.content if block.type == "text")
        self._append("assistant", answer)
        return answer

    async def send_pinned(self, message_id: str, text: str) -> str:
        """The same as any other."""
        return await self.send(message_id, text)

    def history(self) -> Sequence[Message]:
        """What this process knows."""
        return [Message(row["role"], row["content"]) for row in self._rows]

    def _append(self, role: str, content: Any) -> None:
        self._rows.append({"role": role, "content": content})
        super()._append(role, content)


class Careless(Tutorial):
    """The target."""

    name = "careless"
    session = CarelessSession


class LeftOpenSession(NaiveSession):
    """One handle, closed only where all went well: what is buffered goes with the process (22)."""

    def __init__(self, *where: Any) -> None:
        super().__init__(*where)
        self._rows = super()._read_log()
        self._log = self._log_path.open("a", encoding="utf-8")

    def close(self) -> None:
        """The only place where anything reaches the file for sure."""
        self._log.close()

    def _append(self, role: str, content: Any) -> None:
        row = {"role": role, "content": content}
        self._rows.append(row)
        self._log.write(json.dumps(row) + "\n")

    def _read_log(self) -> list[dict[str, Any]]:
        return list(self._rows)


class LeftOpen(Tutorial):
    """The target."""

    name = "left_open"
    session = LeftOpenSession


class SplitsLinesSession(NaiveSession):
    """Writes text as it is and splits it where Python sees a line end: at U+2028, and elsewhere."""

    def _append(self, role: str, content: Any) -> None:
        with self._log_path.open("a", encoding="utf-8", newline="\n") as log:
            log.write(json.dumps({"role": role, "content": content}, ensure_ascii=False) + "\n")

    def _read_log(self) -> list[dict[str, Any]]:
        if not self._log_path.exists():
            return []
        text = self._log_path.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


class SplitsLines(Tutorial):
    """The target."""

    name = "splits_lines"
    session = SplitsLinesSession
