"""The conversation stack: what remembers, trims, resumes and pays for a conversation with Claude.

This is its menu. Each part works alone; `Conversation` puts them together; `run_conversation` is
all of it in one call. Nothing here knows that it is tested.
"""

from harness.lifecycle.conversation import AsyncConversation, Conversation, Settings
from harness.lifecycle.errors import (
    LifecycleError,
    LogVersionError,
    MessageRefused,
    OversizeMessage,
    RateFenced,
    SessionBusy,
    SessionIdError,
    TurnLimit,
    WindowFull,
)
from harness.lifecycle.memory.budget import Eviction
from harness.lifecycle.memory.ledger import UsageLedger
from harness.lifecycle.memory.summary import Summarizer
from harness.lifecycle.memory.tokens import count_content, count_tokens
from harness.lifecycle.memory.window import MessageWindow
from harness.lifecycle.run import run_conversation
from harness.lifecycle.sessions.fence import Fence
from harness.lifecycle.sessions.lock import SessionLock
from harness.lifecycle.sessions.naming import folder_name
from harness.lifecycle.sessions.registry import AsyncSessions, Sessions
from harness.lifecycle.sessions.search import Found, Query, search
from harness.lifecycle.storage.codec import ConversationCodec
from harness.lifecycle.storage.record import Damage, Record
from harness.lifecycle.storage.resume import Checkpoint, CheckpointStore
from harness.lifecycle.turns.reply import Prices, Usage
from harness.lifecycle.turns.steps import Step, steps
from harness.lifecycle.turns.tools import FunctionTool, Tool
from harness.lifecycle.turns.transcript import Said
from harness.lifecycle.turns.turn import Limits

__all__ = [
    "AsyncConversation",
    "AsyncSessions",
    "Checkpoint",
    "CheckpointStore",
    "Conversation",
    "ConversationCodec",
    "Damage",
    "Eviction",
    "Fence",
    "Found",
    "FunctionTool",
    "LifecycleError",
    "Limits",
    "LogVersionError",
    "MessageRefused",
    "MessageWindow",
    "OversizeMessage",
    "Prices",
    "Query",
    "RateFenced",
    "Record",
    "Said",
    "SessionBusy",
    "SessionIdError",
    "SessionLock",
    "Sessions",
    "Settings",
    "Step",
    "Summarizer",
    "Tool",
    "TurnLimit",
    "Usage",
    "UsageLedger",
    "WindowFull",
    "count_content",
    "count_tokens",
    "folder_name",
    "run_conversation",
    "search",
    "steps",
]
