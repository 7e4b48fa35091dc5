"""The table: every rule by name, in the order in which the API looks, and how sure we are of it.

A rule on the body says which traits of messages it looks at; what else it looks at is in the
settings beside them. Settings that have passed once have passed for good, and from then on a rule
is asked about them only where a request has one of its traits.

H: reproduced or documented; M: fairly sure; G: a guess, off unless it is asked for; `-`: our own,
so that what the mock does not emulate is refused. Match on status and type; the texts of the
answers are documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from harness.model.message import (
    ANY,
    ASSISTANT_ENDS,
    MARKS,
    ODD_COUNT,
    SYSTEM,
    THINKING,
    TOOLS,
    UNPAIRED,
    UNSOUND,
    Refusal,
)
from harness.model.request import Settings
from harness.model.rules import caching, entry, history, settings, thinking, window
from harness.model.rules.ask import Ask
from harness.model.rules.entry import Knock

T = TypeVar("T")
SETTINGS_MAX = 256


class Rule(NamedTuple, Generic[T]):
    """A rule: its name, how sure it is, and the function that raises a Refusal."""

    name: str
    sure: str
    check: Callable[[T], None]
    traits: int = 0
    """The traits of messages that it looks at; none where it looks at the settings alone."""


def _rule(sure: str, check: Callable[[T], None], traits: int = 0) -> Rule[T]:
    return Rule(check.__name__, sure, check, traits)


AT_ENTRY: tuple[Rule[Knock], ...] = (
    _rule("H", entry.body_too_large),
    _rule("M", entry.bad_key),
    _rule("M", entry.missing_version),
    _rule("H", entry.unknown_path),
    _rule("M", entry.content_type),
)
ON_SHAPE: tuple[Rule[Ask], ...] = (
    _rule("M", settings.missing_field, ODD_COUNT),
    _rule("-", settings.unknown_field),
    _rule("-", settings.unknown_feature),
    _rule("H", settings.max_tokens_over_limit),
    _rule("M", settings.sampling),
    _rule("H", history.empty_messages, ODD_COUNT),
    _rule("M", settings.thinking_mode),
    _rule("M", settings.max_tokens_zero),
    _rule("M", settings.metadata),
    _rule("M", settings.blank_stop_sequence),
    _rule("M", settings.tool_definition),
    _rule("M", settings.tool_choice),
    _rule("H", settings.forced_tool),
    _rule("H", history.system_role, SYSTEM),
    _rule("H", history.empty_content, UNSOUND),
    _rule("-", history.unknown_block, UNSOUND),
    _rule("H", history.empty_text, UNSOUND),
    _rule("H", history.blank_text, UNSOUND),
    _rule("H", history.first_is_assistant, ASSISTANT_ENDS),
    _rule("H", history.duplicate_tool_use, UNPAIRED),
    _rule("H", history.dangling_tool_use, UNPAIRED),
    _rule("H", history.orphan_tool_result, UNPAIRED),
    _rule("M", history.duplicate_tool_result, UNPAIRED),
    _rule("G", history.undefined_tools, TOOLS),
    _rule("H", history.trailing_assistant, ASSISTANT_ENDS),
    _rule("M", history.trailing_space, ASSISTANT_ENDS),
    _rule("M", thinking.thinking_first, TOOLS),
    _rule("M", caching.breakpoint_shape, MARKS),
    _rule("M", caching.uncacheable_block, MARKS),
    _rule("H", caching.too_many_breakpoints, MARKS),
    _rule("H", caching.ttl_order, MARKS),
)
ON_PROMPT: tuple[Rule[Ask], ...] = (
    _rule("H", thinking.edited_thinking, THINKING),
    _rule("H", thinking.bound_thinking, THINKING),
    _rule("H", window.prompt_too_long, ANY),
    _rule("H", window.prompt_plus_max_tokens, ANY),
)
ELSEWHERE = {"unknown_model": "H", "rate_limit": "H", "refused_turn_kept": "H"}
"""Rules that need more than one look: the catalogue, the buckets, what was said before."""

SURE = (
    {rule.name: rule.sure for rule in AT_ENTRY}
    | {rule.name: rule.sure for rule in (*ON_SHAPE, *ON_PROMPT)}
    | ELSEWHERE
)
"""How sure each rule is, by name."""


def active(off: Iterable[str] = (), on: Iterable[str] = ()) -> frozenset[str]:
    """The names that hold: all but the guesses, without `off`, with `on`. ValueError on a name
    that no rule has."""
    unknown = (set(off) | set(on)) - SURE.keys()
    if unknown:
        raise ValueError(
            f"there is no rule {min(unknown)!r} to switch; the rules are {', '.join(sorted(SURE))}"
        )
    return frozenset({name for name, sure in SURE.items() if sure != "G"} - set(off) | set(on))


def choose(rules: tuple[Rule[T], ...], names: frozenset[str]) -> tuple[Rule[T], ...]:
    """Those of the table that hold, in order."""
    return tuple(rule for rule in rules if rule.name in names)


def check(rules: tuple[Rule[T], ...], subject: T) -> None:
    """Raise the first rule's Refusal, with the rule's name on it."""
    for rule in rules:
        try:
            rule.check(subject)
        except Refusal as refusal:
            refusal.rule = rule.name
            raise


class Rules:
    """The rules on a body that hold, and the settings that have passed them."""

    def __init__(self, rules: tuple[Rule[Ask], ...]) -> None:
        self._rules = rules
        self._passed: set[Settings] = set()
        self._by_traits: dict[int, tuple[Rule[Ask], ...]] = {}

    def check(self, ask: Ask) -> None:
        """Raise the first rule's Refusal, with the rule's name on it."""
        settings, traits = ask.request.settings, ask.request.traits
        if settings in self._passed:
            rules = self._by_traits.get(traits)
            if rules is None:
                rules = tuple(rule for rule in self._rules if rule.traits & traits)
                self._by_traits[traits] = rules
            check(rules, ask)
            return
        check(self._rules, ask)
        if len(self._passed) >= SETTINGS_MAX:
            self._passed.clear()
        self._passed.add(settings)
