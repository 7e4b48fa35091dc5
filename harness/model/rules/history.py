"""Rules about the messages: who speaks first and last, that each says something, tools in pairs.

Pairs are looked for in the merged history: consecutive messages of one role are one turn.
"""

from __future__ import annotations

from harness.model.message import BLOCK_FIELDS, BLOCKS, MESSAGES_MAX, UNSOUND, Block, bad
from harness.model.rules.ask import Ask


def empty_messages(ask: Ask) -> None:
    """There is at least one message, and at most 100,000."""
    if not ask.request.messages:
        raise bad("messages: at least one message is required")
    if len(ask.request.messages) > MESSAGES_MAX:
        raise bad(f"messages: List should have at most {MESSAGES_MAX} items")


def system_role(ask: Ask) -> None:
    """A message with the role system stands between the user and the assistant, or last."""
    messages = ask.request.messages
    for index, message in enumerate(messages):
        if message.role != "system":
            continue
        if not ask.spec.system_role:
            raise bad("role 'system' is not supported on this model")
        if index == 0 or messages[index - 1].role != "user":
            raise bad(f"messages.{index}: role 'system' must follow a 'user' message")
        if index + 1 < len(messages) and messages[index + 1].role != "assistant":
            raise bad(
                f"messages.{index}: role 'system' must precede an 'assistant' message or end the "
                "array"
            )


def first_is_assistant(ask: Ask) -> None:
    """The user speaks first."""
    messages = ask.request.messages
    if messages and messages[0].role != "user":
        raise bad('messages: first message must use the "user" role')


def empty_content(ask: Ask) -> None:
    """Every message says something, the last assistant's apart."""
    last = len(ask.request.messages) - 1
    for index, message in enumerate(ask.request.messages):
        if not message.traits & UNSOUND:
            continue
        empty = not message.blocks or (message.plain and not message.blocks[0]["text"])
        if empty and not (index == last and message.role == "assistant"):
            raise bad(
                f"messages.{index}: all messages must have non-empty content except for the "
                "optional final assistant message"
            )


def unknown_block(ask: Ask) -> None:
    """Blocks are of a type and with fields that the mock emulates, each with its own role."""
    for index, message in enumerate(ask.request.messages):
        if message.plain or not message.traits & UNSOUND:
            continue
        for place, block in enumerate(message.blocks):
            _known(block, BLOCKS[message.role], f"messages.{index}.content.{place}")
            inner = block.get("content")
            if isinstance(inner, list):
                for part in inner:
                    _known(part, BLOCKS["system"], f"messages.{index}.content.{place}.content")
    for index, block in enumerate(ask.request.system):
        _known(block, BLOCKS["system"], f"system.{index}")


def _known(block: Block, types: frozenset[str], place: str) -> None:
    kind = block["type"]
    if kind not in types:
        raise bad(
            f"{place}: Input tag '{kind}' found using 'type' does not match any of the tags that "
            f"this mock emulates here: {', '.join(sorted(types))}"
        )
    if block.keys() <= BLOCK_FIELDS[kind]:
        return
    for key in block.keys() - BLOCK_FIELDS[kind]:
        if block[key] is not None:
            raise bad(f"{place}.{kind}.{key}: Extra inputs are not permitted")


def empty_text(ask: Ask) -> None:
    """No text block is empty."""
    last = len(ask.request.messages) - 1
    for index, message in enumerate(ask.request.messages):
        if not message.traits & UNSOUND or (message.plain and index == last):
            continue
        for block in message.blocks:
            if block["type"] == "text" and not block["text"]:
                raise bad("messages: text content blocks must be non-empty")
    for block in ask.request.system:
        if block["type"] == "text" and not block["text"]:
            raise bad("system: text content blocks must be non-empty")


def blank_text(ask: Ask) -> None:
    """No text block is white space alone."""
    for message in ask.request.messages:
        if not message.traits & UNSOUND:
            continue
        for block in message.blocks:
            if block["type"] == "text" and block["text"].isspace():
                raise bad("messages: text content blocks must contain non-whitespace text")


def trailing_assistant(ask: Ask) -> None:
    """Newer models take no prefill: the user speaks last, unless a paused turn is sent back."""
    if not ask.request.messages:
        return
    last = ask.request.messages[-1]
    if last.role == "assistant" and not ask.spec.prefill:
        if ask.resumable is not None and ask.resumable(last):
            return
        raise bad(
            "This model does not support assistant message prefill. The conversation must end with "
            "a user message."
        )


def trailing_space(ask: Ask) -> None:
    """Where prefill is taken, it does not end in white space."""
    if not ask.request.messages:
        return
    last = ask.request.messages[-1]
    if last.role == "assistant" and last.blocks and last.blocks[-1]["type"] == "text":
        text = last.blocks[-1]["text"]
        if text != text.rstrip():
            raise bad("messages: final assistant content cannot end with trailing whitespace")


def duplicate_tool_use(ask: Ask) -> None:
    """A tool_use id is used once."""
    seen = set()
    for exchange in ask.request.merged:
        if exchange.role == "assistant":
            for message, index, block in exchange.blocks:
                if block["type"] == "tool_use":
                    if block["id"] in seen:
                        raise bad(
                            f"messages.{message}.content.{index}: `tool_use` ids must be unique"
                        )
                    seen.add(block["id"])


def dangling_tool_use(ask: Ask) -> None:
    """The next user turn opens with a result for every tool_use."""
    merged = ask.request.merged
    for number, exchange in enumerate(merged):
        if exchange.role != "assistant":
            continue
        wanted = [block["id"] for _, _, block in exchange.blocks if block["type"] == "tool_use"]
        if not wanted:
            continue
        found = set()
        for _, _, block in merged[number + 1].blocks if number + 1 < len(merged) else ():
            if block["type"] != "tool_result":
                break
            found.add(block["tool_use_id"])
        missing = [one for one in wanted if one not in found]
        if missing:
            raise bad(
                f"messages.{exchange.first}: `tool_use` ids were found without `tool_result` "
                f"blocks immediately after: {', '.join(missing)}. Each `tool_use` block must have "
                "a corresponding `tool_result` block in the next message."
            )


def orphan_tool_result(ask: Ask) -> None:
    """A result answers a tool_use of the assistant turn just before."""
    before: set[str] = set()
    for exchange in ask.request.merged:
        if exchange.role == "assistant":
            before = {block["id"] for _, _, block in exchange.blocks if block["type"] == "tool_use"}
            continue
        for message, index, block in exchange.blocks:
            if block["type"] == "tool_result" and block["tool_use_id"] not in before:
                raise bad(
                    f"messages.{message}.content.{index}: unexpected `tool_use_id` found in "
                    f"`tool_result` blocks: {block['tool_use_id']}. Each `tool_result` block must "
                    "have a corresponding `tool_use` block in the previous message."
                )


def duplicate_tool_result(ask: Ask) -> None:
    """A tool_use has one result."""
    for exchange in ask.request.merged:
        seen = set()
        for message, index, block in exchange.blocks:
            if block["type"] == "tool_result":
                if block["tool_use_id"] in seen:
                    raise bad(
                        f"messages.{message}.content.{index}: each tool_use must have a single "
                        "result. Found multiple `tool_result` blocks with id: "
                        f"{block['tool_use_id']}"
                    )
                seen.add(block["tool_use_id"])


def undefined_tools(ask: Ask) -> None:
    """Tool blocks in the history call for `tools` in the request."""
    if ask.request.tools:
        return
    for exchange in ask.request.merged:
        if any(block["type"] in ("tool_use", "tool_result") for _, _, block in exchange.blocks):
            raise bad("Requests which include `tool_use` or `tool_result` blocks must define tools")
