"""Which story of the library catches a mutant: played one after another, until the first finding.

The stories that should catch it come first, then the others, those that catch most first. Where a
scenario declares a sweep, its crash states are judged once all stories were played as scripted, up
to a number that keeps one mutant within a minute or two.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.lab.play import play, sweep
from harness.lab.pool import POOL
from harness.report.result import Result
from harness.scenario.load import Loaded, find, load
from tests.mutants.planting import ROOT, Defect, defects, plant

STATES_MAX = 200


@dataclass(frozen=True)
class Catch:
    """The first finding: the story, the promise's code, the token that replays it."""

    story: str
    code: str
    message: str
    token: str


def library() -> list[Loaded]:
    """Every story, by path; named as from the root of the project."""
    return [
        Loaded(path.relative_to(ROOT).as_posix(), load(path).scenario)
        for path in find([ROOT / "scenarios"])
    ]


def hunt(
    defect: Defect | None, stories: Sequence[Loaded], folder: Path, *, states_max: int = STATES_MAX
) -> Catch | None:
    """Play until something is found; None where nothing is."""
    target = plant(defect, folder)
    try:
        for result in _played(in_order(defect, stories), target, states_max):
            if result.verdict.findings:
                finding = result.verdict.findings[0]
                return Catch(result.story, finding.code, finding.message, finding.token)
        return None
    finally:
        POOL.close()


def in_order(defect: Defect | None, stories: Sequence[Loaded]) -> list[Loaded]:
    """The stories that are expected to catch it, then the others, those that catch most first."""
    first = () if defect is None else defect.first
    unknown = set(first) - set(map(stem, stories))
    assert not unknown, f"{defect}: no story is named {sorted(unknown)}"
    catches = Counter(name for each in defects() for name in each.first)
    return sorted(
        stories, key=lambda each: (stem(each) not in first, -catches[stem(each)], each.path)
    )


def _played(stories: Sequence[Loaded], target: str, states_max: int) -> Iterator[Result]:
    for story in stories:
        yield from play([story], target=target, sweeps=False).results
    for story in stories:
        if story.scenario.sweep is not None:
            yield sweep(
                story, target=target, tiers=story.scenario.sweep.disk, states_max=states_max
            )


def stem(story: Loaded) -> str:
    """A story's name: its file's, without folder and suffix."""
    return re.sub(r"\.scenario\.yaml$", "", Path(story.path).name)
