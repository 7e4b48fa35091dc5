"""One call a message: open the user's session, answer, put it away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Unpack

from harness.lifecycle.conversation import AsyncConversation, Settings
from harness.lifecycle.errors import SessionBusy
from harness.lifecycle.sessions.fence import Fence

_APPLICATION = "conversation-lifecycle"
_POLL_S = 0.05


async def run_conversation(
    session_id: str,
    user_message: str,
    *,
    root: str | Path | None = None,
    client: Any = None,
    wait_s: float = 30.0,
    fence: Fence | None = None,
    **settings: Unpack[Settings],
) -> str:
    """Answer one message of a session, and remember both.

    Sessions live under `root`, by default in the user's state folder. Without a `client` the SDK
    makes one from its environment (`ANTHROPIC_API_KEY`). Another writer of the same session is
    waited for, up to `wait_s` seconds; then SessionBusy. A `fence` turns a
    session away before anything is opened: RateFenced. The same words again after a crash that
    lost the answer are the same message. Other settings as in `Settings`.
    """
    if fence is not None:
        fence.enter(session_id)
    own = client is None
    if own:
        from anthropic import AsyncAnthropic

        client = AsyncAnthropic()
    try:
        async with await _opened(_root(root), session_id, client, wait_s, settings) as conversation:
            message_id = conversation.next_message_id(user_message)
            return await conversation.send(message_id, user_message)
    finally:
        if own:
            await client.close()


def _root(root: str | Path | None) -> Path:
    if root is not None:
        return Path(root)
    from platformdirs import user_state_path

    return user_state_path(_APPLICATION) / "sessions"


async def _opened(
    root: Path, session_id: str, client: Any, wait_s: float, settings: Settings
) -> AsyncConversation:
    for _ in range(max(0, int(wait_s / _POLL_S))):
        try:
            return await AsyncConversation.open(root, session_id, client=client, **settings)
        except SessionBusy:
            await asyncio.sleep(_POLL_S)
    return await AsyncConversation.open(root, session_id, client=client, **settings)
