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

from harness.checks.verdict import Finding
from harness.lab.explore.explore import REFERENCE, player
from harness.lab.explore.hunt import Hunter
from harness.lab.play import play, sweep
from harness.report.result import Result
from harness.scenario.load import Loaded, find, load
from tests.mutants.planting import ROOT, Defect, defects, plant

STATES_MAX = 200
CASES_MAX = 40
"""So many invented cases a mutant, which is a fraction of what 120 s are enough for."""
SEED = 0


@dataclass(frozen=True)
class Catch:
    """The first finding: the story, the promise's code, the token that replays it."""

    story: str
    code: str
    message: str
    token: str


@dataclass(frozen=True)
class Met:
    """The first invented case that shows a defect, counted from 1, and the promise's code."""

    case: int
    code: str


def library() -> list[Loaded]:
    """Every story, by path; named as from the root of the project."""
    return [
        Loaded(path.relative_to(ROOT).as_posix(), load(path).scenario)
        for path in find([ROOT / "scenarios"])
    ]


def hunt(
    defect: Defect | None,
    stories: Sequence[Loaded],
    target: str,
    *,
    states_max: int = STATES_MAX,
    ordered: bool = True,
) -> Catch | None:
    """Play the library on the planted target until something is found; None where nothing is."""
    row = in_order(defect, stories) if ordered else stories
    for result in _played(row, target, states_max):
        if result.verdict.findings:
            finding = _telling(defect, result.verdict.findings)
            return Catch(result.story, finding.code, finding.message, finding.token)
    return None


def explore(target: str, folder: Path, *, cases_max: int = CASES_MAX) -> Met | None:
    """Invent cases as `harness explore` does, with seed 0, until one shows the defect."""
    hunter = Hunter(
        target=target,
        play=player(target),
        reference=player(REFERENCE),
        folder=folder,
        over=lambda: False,
    )
    first = hunter.first(SEED, cases_max)
    return None if first is None else Met(*first)


def both(defect: Defect, folder: Path) -> tuple[Catch | None, Met | None]:
    """What the library finds of one defect, and what exploring does, on one warm server."""
    target = plant(defect, folder)
    return hunt(defect, library(), target), explore(target, folder)


def _telling(defect: Defect | None, findings: Sequence[Finding]) -> Finding:
    """Of several findings the one under a promise that the defect is known to break."""
    codes = () if defect is None else defect.codes
    return next((finding for finding in findings if finding.code in codes), findings[0])


def in_order(defect: Defect | None, stories: Sequence[Loaded]) -> list[Loaded]:
    """The stories that are expected to catch it, then the others, those that catch most first."""
    first = () if defect is None else defect.first
    unknown = set(first) - set(map(stem, stories))
    assert not unknown, f"{defect}: no story is named {sorted(unknown)}"
    catches = Counter(name for each in defects() for name in each.first)
    places = {name: place for place, name in enumerate(first)}
    return sorted(
        stories,
        key=lambda each: (places.get(stem(each), len(first)), -catches[stem(each)], each.path),
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
