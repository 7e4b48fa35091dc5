"""The reference stack with its sessions in SQLite, as a target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anthropic

from harness.lifecycle import Conversation, SqliteStore
from harness.protocol import Tool
from harness.targets.lifecycle import Lifecycle, LifecycleSession

_SETTINGS = ("window_tokens", "checkpoint_every", "max_tokens", "system", "model")


class InSqlite(Lifecycle):
    """The target."""

    name = "lifecycle_sqlite"

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, object],
        tools: Mapping[str, Tool],
    ) -> LifecycleSession:
        """Open the session in the one database of this home."""
        known: dict[str, Any] = {key: settings[key] for key in _SETTINGS if key in settings}
        store = SqliteStore(home / "sessions.db")
        client = anthropic.Anthropic()
        return LifecycleSession(
            Conversation.open(home, session_id, client=client, tools=tools, store=store, **known)
        )
