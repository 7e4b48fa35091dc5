"""Which scenarios a command means: paths to files, files to scenarios, and `-k`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Never

from harness.cli.stop import NOTHING, SHELF, USAGE, Stop
from harness.report.result import story_of
from harness.scenario.load import NothingToRun, ScenarioError, find, load

if TYPE_CHECKING:
    from harness.scenario.load import Loaded

SHOWN = 60
"""Letters of an expression that a complaint repeats."""
FILES_SHOWN = 20
"""Files whose complaints are told; mend those, and the others are next."""
_WORD = re.compile(r"\s*([()]|[^\s()]+)")


def found(paths: Sequence[Path]) -> list[Path]:
    """The scenario files under these paths; Stop where there is none."""
    if not paths and not SHELF.is_dir():
        raise Stop(
            NOTHING,
            f"expected a folder `{SHELF}` here, got none; name a path, or write a first scenario "
            "with `harness init`",
        )
    try:
        return find(paths or [SHELF])
    except NothingToRun as error:
        raise Stop(NOTHING, str(error)) from error
    except ScenarioError as error:
        raise Stop(USAGE, str(error)) from error


def sound(paths: Sequence[Path]) -> tuple[list[Loaded], list[str]]:
    """The scenarios that are sound, and what is wrong with the others."""
    good: list[Loaded] = []
    bad: list[str] = []
    for path in paths:
        try:
            good.append(load(path))
        except ScenarioError as error:
            bad.append(str(error))
    return good, bad


def all_sound(paths: Sequence[Path]) -> list[Loaded]:
    """The scenarios under these paths; Stop with every complaint where one is not sound."""
    good, bad = sound(found(paths))
    if bad:
        raise Stop(USAGE, complaints(bad))
    return good


def complaints(bad: Sequence[str]) -> str:
    """What is wrong with each of these files, or with the first and how many more."""
    more = len(bad) - FILES_SHOWN
    counted = [f"and {more} more file{'' if more == 1 else 's'}"] if more > 0 else []
    return "\n".join([*bad[:FILES_SHOWN], *counted])


def the_one(path: Path) -> Loaded:
    """The one scenario of a file; Stop where there are more, or where it is none."""
    scenarios = all_sound([path])
    if len(scenarios) != 1:
        raise Stop(USAGE, f"{path}: expected one scenario file, got {len(scenarios)}; name one")
    return scenarios[0]


def select(scenarios: Sequence[Loaded], expression: str | None) -> list[Loaded]:
    """Those whose folder/name fits `-k`; Stop where none does."""
    if expression is None:
        return list(scenarios)
    try:
        chosen = [one for one in scenarios if fits(expression, story_of(one.path))]
    except ValueError as error:
        raise Stop(USAGE, f"-k {expression[:SHOWN]!r}: {error}") from error
    if not chosen:
        message = f"-k {expression!r} fits none of {len(scenarios)} scenarios"
        raise Stop(NOTHING, f"{message}; `harness list` shows their names")
    return chosen


def fits(expression: str, story: str) -> bool:
    """Whether a story fits an expression of parts of names, `and`, `or`, `not` and brackets.

    Case does not matter; the empty expression fits everything. ValueError where it is none.
    """
    if not expression.strip():
        return True
    try:
        return _Expression(_WORD.findall(expression), story.lower()).value()
    except RecursionError:
        told = "expected fewer brackets within brackets, got more than can be read"
        raise ValueError(f"{told}; write it like 'crash and not disk'") from None


class _Expression:
    """A descent through or, and, not, bracket, word, in this order of binding."""

    def __init__(self, words: list[str], story: str) -> None:
        self.words = words
        self.story = story

    def value(self) -> bool:
        """The whole expression's."""
        value = self.either()
        if self.words:
            self.refuse("`and` or `or`")
        return value

    def refuse(self, wanted: str) -> Never:
        """Say what stands in the way."""
        got = f"`{self.words[0]}`" if self.words else "the end"
        raise ValueError(f"expected {wanted}, got {got}; write it like 'crash and not disk'")

    def either(self) -> bool:
        """Joined by `or`."""
        return self.joined("or", self.both, any)

    def both(self) -> bool:
        """Joined by `and`."""
        return self.joined("and", self.one, all)

    def joined(
        self, word: str, part: Callable[[], bool], total: Callable[[Sequence[bool]], bool]
    ) -> bool:
        """Parts with a word between them; all are read, whatever the first ones are."""
        values = [part()]
        while self.words[:1] == [word]:
            self.words.pop(0)
            values.append(part())
        return total(values)

    def one(self) -> bool:
        """A part of a name, `not` something, or something in brackets."""
        if not self.words or self.words[0] in (")", "and", "or"):
            self.refuse("a part of a name")
        word = self.words.pop(0)
        if word == "not":
            return not self.one()
        if word != "(":
            return word.lower() in self.story
        value = self.either()
        if self.words[:1] != [")"]:
            self.refuse("`)`")
        self.words.pop(0)
        return value
