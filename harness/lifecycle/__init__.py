"""The conversation stack: what remembers, trims, resumes and pays for a conversation with Claude.

This is its menu. Each part works alone; `Conversation` puts them together; `run_conversation` is
all of it in one call. Nothing here knows that it is tested.
"""

from harness.lifecycle.conversation import AsyncConversation, Conversation, Settings
from harness.lifecycle.errors import (
    LifecycleError,
    LogVersionError,
    MessageRefused,
    NotDurable,
    OversizeMessage,
    RateFenced,
    SessionBusy,
    SessionIdError,
    StoreUnavailable,
    TurnLimit,
    WindowFull,
)
from harness.lifecycle.memory.budget import Eviction
from harness.lifecycle.memory.ledger import UsageLedger
from harness.lifecycle.memory.summary import Summarizer, Summary
from harness.lifecycle.memory.tokens import count_content, count_tokens
from harness.lifecycle.memory.window import MessageWindow
from harness.lifecycle.run import run_conversation
from harness.lifecycle.sessions.fence import Fence
from harness.lifecycle.sessions.lock import SessionLock
from harness.lifecycle.sessions.naming import folder_name
from harness.lifecycle.sessions.registry import AsyncSessions, Sessions
from harness.lifecycle.sessions.search import Found, Query, search
from harness.lifecycle.spans import Spans
from harness.lifecycle.storage.codec import ConversationCodec
from harness.lifecycle.storage.record import Damage, Record
from harness.lifecycle.storage.resume import Checkpoint, CheckpointStore
from harness.lifecycle.storage.store import (
    Checkpoints,
    Held,
    Store,
    StoredLine,
    TurnLog,
    UserStore,
)
from harness.lifecycle.stores.jsonl import JsonlStore
from harness.lifecycle.stores.postgres import PostgresStore
from harness.lifecycle.stores.redis import RedisStore
from harness.lifecycle.stores.sqlite import SqliteStore
from harness.lifecycle.turns.reply import Prices, Usage
from harness.lifecycle.turns.steps import Step, steps
from harness.lifecycle.turns.tools import FunctionTool, Tool
from harness.lifecycle.turns.transcript import Said
from harness.lifecycle.turns.turn import Limits
from harness.lifecycle.vocabulary import vocabulary_counter

__all__ = [
    "AsyncConversation",
    "AsyncSessions",
    "Checkpoint",
    "CheckpointStore",
    "Checkpoints",
    "Conversation",
    "ConversationCodec",
    "Damage",
    "Eviction",
    "Fence",
    "Found",
    "FunctionTool",
    "Held",
    "JsonlStore",
    "LifecycleError",
    "Limits",
    "LogVersionError",
    "MessageRefused",
    "MessageWindow",
    "NotDurable",
    "OversizeMessage",
    "PostgresStore",
    "Prices",
    "Query",
    "RateFenced",
    "Record",
    "RedisStore",
    "Said",
    "SessionBusy",
    "SessionIdError",
    "SessionLock",
    "Sessions",
    "Settings",
    "Spans",
    "SqliteStore",
    "Step",
    "Store",
    "StoreUnavailable",
    "StoredLine",
    "Summarizer",
    "Summary",
    "Tool",
    "TurnLimit",
    "TurnLog",
    "Usage",
    "UsageLedger",
    "UserStore",
    "WindowFull",
    "count_content",
    "count_tokens",
    "folder_name",
    "run_conversation",
    "search",
    "steps",
    "vocabulary_counter",
]
