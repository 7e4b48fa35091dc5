"""The figures of the mutants as a page of the docs: what catches which defect."""

from __future__ import annotations

from collections.abc import Iterator

from tests.mutants.hunting import CASES_MAX, SEED, Catch, Met
from tests.mutants.planting import ROOT, Defect

PAGE = ROOT / "docs" / "mutants.md"
Figures = dict[Defect, tuple[Catch | None, Met | None]]
"""By defect: what the library found first, and what exploring did."""
_HEAD = f"""# Deliberate defects of the reference stack, and what catches each

One line of a copy of `harness/lifecycle` is changed, and the library of `scenarios/` is played
against it until a promise is broken. Then `harness explore` is let loose on it, without being told
where to look: the first {CASES_MAX} cases of seed {SEED}. Cases come in the same order whatever the
budget, and these take a fraction of `--budget 120s`, so what is found here is found there as well.

The list is `tests/mutants/defects.toml`; this page is made by `uv run pytest -m slow
tests/mutants`, which fails where the library catches fewer than 95 % or exploring finds fewer than
70 %. The gate plays a sample.

Some are beyond exploring by their nature. A bill that is higher than need be, or a checkpoint that
comes a turn early, breaks a number that a story expects and no promise; what only an option of one
target does (its rotated log, its summaries) is not invented. A cut that a restart does not repeat
breaks no promise where a checkpoint was made after it, as that holds the window; where none was,
W6 says that the request does not begin with the one before it.

To see one for yourself, plant it and replay its token, or explore:

    uv run python -m tests.mutants.planting NAME FOLDER
    uv run harness replay TOKEN --target FOLDER/NAME.py:Lifecycle
    uv run harness explore --target FOLDER/NAME.py:Lifecycle --budget 120s
"""


def page(figures: Figures) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sums(figures), "", *_table(figures), *_left(figures), ""])


def _sums(figures: Figures) -> Iterator[str]:
    for what, found in (
        ("the library catches", [catch for catch, _ in figures.values()]),
        (f"exploring finds within {CASES_MAX} cases", [met for _, met in figures.values()]),
    ):
        count = sum(each is not None for each in found)
        yield f"- {what} **{count} of {len(found)}** ({count / len(found):.1%})"


def _table(figures: Figures) -> Iterator[str]:
    yield "| defect | what it breaks | story | code | token | explored: case, code |"
    yield "|---|---|---|---|---|---|"
    for defect, (catch, met) in figures.items():
        story = "- | - | -" if catch is None else f"{catch.story} | {catch.code} | `{catch.token}`"
        case = "-" if met is None else f"{met.case}, {met.code}"
        yield f"| {defect.name} | {defect.breaks} | {story} | {case} |"


def _left(figures: Figures) -> Iterator[str]:
    left = [defect for defect, (catch, _) in figures.items() if catch is None]
    if left:
        yield from ("", "## Not caught by the library, and why", "")
    for defect in left:
        reason = defect.escapes or "No reason is known yet."
        yield f"- **{defect.name}**: {defect.breaks}. {reason}"
