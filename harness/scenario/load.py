"""From files to scenarios: finding them, reading them, and saying exactly what is wrong.

All that is wrong with one file is said at once, in the order of its lines. Finding and headlines
never import pydantic, so that listing a library is quick.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.scenario.document import Document, Place, ScenarioError, opening, parse, read_text

if TYPE_CHECKING:
    from harness.scenario.complaint import Complaint
    from harness.scenario.document import Step
    from harness.scenario.schema import Scenario

__all__ = [
    "Headline",
    "Loaded",
    "NothingToRun",
    "ScenarioError",
    "accept",
    "find",
    "headline",
    "json_schema",
    "load",
]

SUFFIX = ".scenario.yaml"
STORED = "scenario.json"
"""What a report calls the scenario of a record."""
COMPLAINTS_SHOWN = 10


@dataclass(frozen=True)
class Loaded:
    """A scenario and the file it came from, as the user wrote the path."""

    path: str
    scenario: Scenario


@dataclass(frozen=True)
class Headline:
    """What a list shows of a file, unchecked; empty where the file does not say it as text."""

    path: str
    name: str
    about: str


class NothingToRun(ScenarioError):
    """The folders are there and hold no scenario."""


def find(paths: Sequence[Path]) -> list[Path]:
    """All `*.scenario.yaml` under these folders, and these files, whatever they are called, sorted.

    What was stored beside a record (`scenario.json`) is one as well.

    ScenarioError for a path that does not exist; NothingToRun where no file is left. Hidden
    folders are passed over.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.update(_under(path))
        elif path.exists():
            found.add(path)
        else:
            raise ScenarioError(
                f"{path}: expected a scenario file or a folder of them, got nothing of that name; "
                "check the path"
            )
    if not found:
        where = ", ".join(map(str, paths)) or "no path at all"
        raise NothingToRun(
            f"{where}: expected at least one *{SUFFIX}, got none; "
            "`harness init` writes a first scenario"
        )
    return sorted(found)


def _under(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root, name) for name in files if _is_one(name))


def _is_one(name: str) -> bool:
    return name.endswith(SUFFIX) or name == STORED


def load(path: Path) -> Loaded:
    """Read one file; ScenarioError names the place and both sides."""
    return Loaded(str(path), scenario_of(parse(read_text(path), str(path))))


def headline(path: Path) -> Headline:
    """Name and about of a file, reading no further; ScenarioError where that is no YAML."""
    said = opening(read_text(path), str(path), ("name", "about"))
    return Headline(str(path), said.get("name", ""), said.get("about", ""))


def scenario_of(document: Document) -> Scenario:
    """The scenario of a document; ScenarioError with every complaint."""
    from pydantic import ValidationError

    from harness.scenario.complaint import complaints as of_shape
    from harness.scenario.complaint import shown
    from harness.scenario.schema import Scenario
    from harness.scenario.sense import complaints as of_sense

    data = document.root.data()
    if not isinstance(data, dict):
        place = document.root.place
        raise ScenarioError(
            f"{_at(document, place)}: expected a mapping with name and script, got {shown(data)}; "
            "`harness init` writes a first scenario"
        )
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise _refused(document, of_shape(error)) from error
    if wrong := of_sense(scenario):
        raise _refused(document, wrong)
    return scenario


def accept(scenario: Scenario, path: str) -> Loaded:
    """A scenario that was written in Python, after the same checks; ScenarioError names the field.

    `path` is what reports call it.
    """
    from harness.scenario.sense import complaints

    lines = [f"{path}: {_field(one.way)}: {one.message}" for one in complaints(scenario)]
    if lines:
        raise ScenarioError("\n".join(lines))
    return Loaded(path, scenario)


def _field(way: Sequence[Step]) -> str:
    """`faults[0].crash.turn`."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in way]
    return "".join(steps).removeprefix(".")


def json_schema() -> str:
    """The JSON Schema of a scenario file, for editors; indented text."""
    from harness.scenario.schema import Scenario

    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Scenario.model_json_schema(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _at(document: Document, place: Place) -> str:
    return f"{document.path}:{place.line}:{place.column}"


def _refused(document: Document, wrong: Iterable[Complaint]) -> ScenarioError:
    placed = sorted((document.place(one.way, at_key=one.at_key), one.message) for one in wrong)
    lines = [f"{_at(document, place)}: {message}" for place, message in placed]
    if len(lines) > COMPLAINTS_SHOWN:
        more = len(lines) - COMPLAINTS_SHOWN
        lines[COMPLAINTS_SHOWN:] = [f"{document.path}: and {more} more"]
    return ScenarioError("\n".join(lines))
