"""Rules about the fields beside the messages: what is missing, what is too much, what is unknown.

The allow-lists here are the whole of what the mock emulates. A field, tool type, beta or format
that is not in them is refused with a 400 that says so: never a silent 200.
"""

from __future__ import annotations

import re

from harness.model.message import bad
from harness.model.rules.ask import Ask

FIELDS = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "system",
        "tools",
        "tool_choice",
        "stream",
        "stop_sequences",
        "thinking",
        "metadata",
        "cache_control",
        "output_config",
        "service_tier",
        "temperature",
        "top_p",
        "top_k",
    }
)
"""Every top-level field that is read."""
UNEMULATED = frozenset(
    {
        "container",
        "context_management",
        "diagnostics",
        "inference_geo",
        "mcp_servers",
        "output_format",
        "speed",
        "thread",
        "user_profile_id",
    }
)
"""Fields that the API knows and the mock does not."""
TOOL_FIELDS = frozenset(
    {
        "name",
        "description",
        "input_schema",
        "type",
        "cache_control",
        "input_examples",
        "strict",
        "eager_input_streaming",
    }
)
THINKING_FIELDS = frozenset({"type", "budget_tokens", "display"})
NO_EXTENDED_SAMPLING = "2026-10-21"
"""From this `anthropic-version` on the sampling fields are unknown to every model."""
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_REMEDY = "is not emulated by this mock: leave it out, or switch the rule off by its name"


def missing_field(ask: Ask) -> None:
    """`model`, `messages` and (but for counting) `max_tokens` are there."""
    for name in ("model", "messages", "max_tokens"):
        if ask.request.raw.get(name) is None and not (
            name == "max_tokens" and ask.request.counting
        ):
            raise bad(f"{name}: Field required")


def unknown_field(ask: Ask) -> None:
    """Top-level fields are on the allow-list."""
    for name in ask.request.raw.keys() - FIELDS:
        if name in UNEMULATED:
            raise bad(f"{name}: {_REMEDY}")
        raise bad(f"{name}: Extra inputs are not permitted")


def unknown_feature(ask: Ask) -> None:
    """Tools are the client's own, `output_config` only sets the effort, no beta is asked for."""
    if ask.request.betas:
        name = min(ask.request.betas)
        raise bad(f"Unexpected value(s) `{name}` for the `anthropic-beta` header: it {_REMEDY}")
    config = ask.request.raw.get("output_config") or {}
    for key in config.keys() - {"effort"}:
        raise bad(f"output_config.{key}: {_REMEDY}")
    if config.get("effort") not in (None, "low", "medium", "high", "xhigh", "max"):
        raise bad("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
    if ask.request.raw.get("service_tier") not in (None, "auto", "standard_only"):
        raise bad("service_tier: Input should be 'auto' or 'standard_only'")
    for index, tool in enumerate(ask.request.tools):
        if tool.get("type") not in (None, "custom"):
            raise bad(f"tools.{index}: a tool of type {tool['type']!r} {_REMEDY}")


def tool_definition(ask: Ask) -> None:
    """A tool has a legal name of its own and an object schema."""
    names = set()
    for index, tool in enumerate(ask.request.tools):
        place = f"tools.{index}.custom"
        if not _TOOL_NAME.fullmatch(tool["name"]):
            raise bad(f"{place}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        schema = tool.get("input_schema")
        if not isinstance(schema, dict):
            raise bad(f"{place}.input_schema: Field required")
        if schema.get("type") != "object":
            raise bad(f"{place}.input_schema.type: Input should be 'object'")
        for key in tool.keys() - TOOL_FIELDS:
            raise bad(f"{place}.{key}: Extra inputs are not permitted")
        if tool["name"] in names:
            raise bad("tools: Tool names must be unique.")
        names.add(tool["name"])


def max_tokens_over_limit(ask: Ask) -> None:
    """`max_tokens` is from 0 (warm the cache, say nothing) to the model's output limit."""
    wanted, spec = ask.request.max_tokens, ask.spec
    if wanted is None:
        return
    if wanted < 0:
        raise bad("max_tokens: Input should be greater than or equal to 0")
    if wanted > spec.output_limit:
        raise bad(
            f"max_tokens: {wanted} > {spec.output_limit}, which is the maximum allowed number of "
            f"output tokens for {spec.id}"
        )


def max_tokens_zero(ask: Ask) -> None:
    """Warming the cache goes neither with a stream nor with forced tools nor manual thinking."""
    request = ask.request
    forced = request.tool_choice.get("type") in ("any", "tool")
    manual = request.thinking.get("type") == "enabled"
    if request.max_tokens == 0 and (request.stream or forced or manual):
        raise bad("max_tokens: 0 is not supported with this combination of parameters")


def sampling(ask: Ask) -> None:
    """temperature, top_p and top_k are gone from newer models and newer versions."""
    for name in ("temperature", "top_p", "top_k"):
        if name in ask.request.raw:
            if ask.request.version >= NO_EXTENDED_SAMPLING:
                raise bad(f"{name}: Extra inputs are not permitted")
            if not ask.spec.sampling:
                raise bad(f"`{name}` is deprecated for this model.")


def metadata(ask: Ask) -> None:
    """`metadata` holds a `user_id` of at most 256 characters, nothing else."""
    given = ask.request.raw.get("metadata") or {}
    for key in given.keys() - {"user_id"}:
        raise bad(f"metadata.{key}: Extra inputs are not permitted")
    user = given.get("user_id")
    if user is not None and not isinstance(user, str):
        raise bad("metadata.user_id: Input should be a valid string")
    if user is not None and len(user) > 256:
        raise bad("metadata.user_id: String should have at most 256 characters")


def blank_stop_sequence(ask: Ask) -> None:
    """A stop sequence has something to stop at."""
    for stop in ask.request.stop_sequences:
        if not stop.strip():
            raise bad("stop_sequences: each stop sequence must contain non-whitespace")


def tool_choice(ask: Ask) -> None:
    """`tool_choice` names a way to choose, and a tool that is there."""
    choice, tools = ask.request.tool_choice, ask.request.tools
    if not choice:
        return
    kind = choice.get("type")
    if kind not in ("auto", "any", "tool", "none"):
        raise bad(
            f"tool_choice: Input tag '{kind}' found using 'type' does not match any of the "
            "expected tags: 'any', 'auto', 'none', 'tool'"
        )
    if not tools:
        raise bad("tool_choice: may only be specified while providing tools")
    if kind == "tool" and choice.get("name") not in {tool["name"] for tool in tools}:
        raise bad(f"tool_choice: Tool '{choice.get('name')}' not found in provided tools")


def forced_tool(ask: Ask) -> None:
    """Models that think by themselves are not forced to a tool."""
    if ask.request.tool_choice.get("type") in ("any", "tool"):
        if not ask.spec.forced_tool_choice:
            raise bad('tool_choice: type "tool" and "any" are not supported for this model.')
        if ask.request.thinking.get("type") == "enabled":
            raise bad("Thinking may not be enabled when tool_choice forces tool use.")


def thinking_mode(ask: Ask) -> None:
    """`thinking.type` is one that the model takes, its budget in bounds."""
    thinking, spec = ask.request.thinking, ask.spec
    kind = thinking.get("type")
    if not thinking:
        return
    for key in thinking.keys() - THINKING_FIELDS:
        raise bad(f"thinking.{kind}.{key}: Extra inputs are not permitted")
    if kind not in spec.thinking:
        if kind == "adaptive":
            raise bad("adaptive thinking is not supported on this model")
        raise bad(
            f'"thinking.type.{kind}" is not supported for this model. Use '
            '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        )
    if thinking.get("display") not in (None, "summarized", "omitted"):
        raise bad(f"thinking.{kind}.display: Input should be 'summarized' or 'omitted'")
    if kind == "enabled":
        budget = thinking.get("budget_tokens")
        if not isinstance(budget, int) or budget < 1024:
            raise bad(
                "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
            )
        if ask.request.max_tokens is not None and budget >= ask.request.max_tokens:
            raise bad("`max_tokens` must be greater than `thinking.budget_tokens`.")
