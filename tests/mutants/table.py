"""The figures of the mutants as a page of the docs: which story catches which defect."""

from __future__ import annotations

from collections.abc import Mapping

from tests.mutants.hunting import Catch
from tests.mutants.planting import ROOT, Defect

PAGE = ROOT / "docs" / "mutants.md"
_HEAD = """# Deliberate defects of the reference stack, and the story that catches each

One line of a copy of `harness/lifecycle` is changed, and the library of `scenarios/` is played
against it until a promise is broken. The list is `tests/mutants/defects.toml`; this page is made by
`uv run pytest -m slow tests/mutants`, which fails below 95 %. The gate plays a sample.

To see one for yourself, plant it and replay its token:

    uv run python -m tests.mutants.planting NAME FOLDER
    uv run harness replay TOKEN --target FOLDER/NAME.py:Lifecycle
"""


def page(catches: Mapping[Defect, Catch | None]) -> str:
    """The whole page."""
    caught = sum(each is not None for each in catches.values())
    rows = [
        f"| {defect.name} | {defect.breaks} | {_story(catch)} |"
        for defect, catch in catches.items()
        if catch is not None
    ]
    left = [
        f"- **{defect.name}**: {defect.breaks}. {defect.escapes or 'No reason is known yet.'}"
        for defect, catch in catches.items()
        if catch is None
    ]
    figures = f"**{caught} of {len(catches)} are caught ({caught / len(catches):.1%}).**"
    table = ["| defect | what it breaks | story | code | token |", "|---|---|---|---|---|", *rows]
    tail = ["", "## Not caught, and why", "", *left] if left else []
    return "\n".join([_HEAD, figures, "", *table, *tail, ""])


def _story(catch: Catch) -> str:
    return f"{catch.story} | {catch.code} | `{catch.token}`"
