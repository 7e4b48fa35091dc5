"""Opening a conversation on a fake model, with a clock that ticks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.lifecycle import Conversation


def opened(home: Path, client: Any, **settings: Any) -> Conversation:
    ticks = iter(range(1, 10**9))
    return Conversation.open(
        home, "ada", client=client, now=lambda: next(ticks), **{"system": "Be kind.", **settings}
    )


def roles(conversation: Conversation) -> list[tuple[str, Any]]:
    return [(said.role, said.content) for said in conversation.history()]
