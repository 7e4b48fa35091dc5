"""The naive composition as other tutorials write it: one habit each that `naive` does not have.

Each class is a target; what is wrong with it is the first line of its session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from harness.protocol import Message, Tool
from harness.targets.naive import Naive, NaiveSession


class _Tutorial(Naive):
    session: ClassVar[type[NaiveSession]] = NaiveSession

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, object],
        tools: Mapping[str, Tool],
    ) -> NaiveSession:
        """Open the session of this tutorial."""
        return self.session(home, session_id, settings, tools)


class TextOnlySession(NaiveSession):
    """Offers tools and never runs one: of a reply the text is kept, the call is forgotten."""

    def send(self, message_id: str, text: str) -> str:
        """Answer with the text of whatever comes first."""
        self._append("user", text)
        messages = [
            {"role": row["role"], "content": row["content"] or "(no text)"}
            for row in self._read_log()
        ]
        response: Any = self._client.messages.create(**self._request(messages))
        answer = "".join(block.text for block in response.content if block.type == "text")
        self._append("assistant", answer)
        return answer


class TextOnly(_Tutorial):
    """Defect 6."""

    name = "text_only"
    session = TextOnlySession


class LeftOpenSession(NaiveSession):
    """One handle, closed only where all went well: what is buffered goes with the process."""

    def __init__(self, home: Path, *more: Any) -> None:
        super().__init__(home, *more)
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


class LeftOpen(_Tutorial):
    """Defect 22."""

    name = "left_open"
    session = LeftOpenSession


class BlockingSession(NaiveSession):
    """An async agent on the sync client: while it waits for the model, the loop stands still."""

    async def send(self, message_id: str, text: str) -> str:  # type: ignore[override]
        """Answer, and let nobody else have the loop meanwhile."""
        return super().send(message_id, text)


class Blocking(_Tutorial):
    """Defect 24."""

    name = "blocking"
    session = BlockingSession


class TemporarySession(NaiveSession):
    """Keeps its files beside its home, in the folder that goes with the next reboot."""

    def __init__(self, home: Path, *more: Any) -> None:
        # tempfile.gettempdir() in the tutorial: here what is left is cleared away with the run.
        folder = home.parent / f"{home.name}-tmp"
        folder.mkdir(exist_ok=True)
        super().__init__(folder, *more)


class Temporary(_Tutorial):
    """Defect 26."""

    name = "temporary"
    session = TemporarySession


class WriteOnlySession(NaiveSession):
    """Writes every row to its file and remembers from a list: nobody reads the file again."""

    def __init__(self, home: Path, *more: Any) -> None:
        super().__init__(home, *more)
        self._rows: list[dict[str, Any]] = []

    def history(self) -> Sequence[Message]:
        """What this process knows."""
        return [Message(row["role"], row["content"]) for row in self._rows]

    def _append(self, role: str, content: Any) -> None:
        self._rows.append({"role": role, "content": content})
        super()._append(role, content)

    def _read_log(self) -> list[dict[str, Any]]:
        return list(self._rows)


class WriteOnly(_Tutorial):
    """Defect 31."""

    name = "write_only"
    session = WriteOnlySession


class ForgetsSession(NaiveSession):
    """Takes a message that must not be forgotten, and drops the oldest all the same."""

    def send_pinned(self, message_id: str, text: str) -> str:
        """The same as any other."""
        return self.send(message_id, text)


class Forgets(_Tutorial):
    """Defect 14."""

    name = "forgets"
    session = ForgetsSession
