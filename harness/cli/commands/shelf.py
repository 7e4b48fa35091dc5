"""The commands about scenario files: list, schema, init."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.cli.stop import USAGE, Stop
from harness.terminal import TABLE_COLUMNS_MAX, columns, hanging, tidy

FIRST_NAME = "resume/crash_on_turn_3_resumes_from_2.scenario.yaml"
SCHEMA_NAME = "scenario.schema.json"

_FIRST = """\
# yaml-language-server: $schema=../scenario.schema.json
name: a crash on turn 3 resumes from turn 2
about: >-
  The process dies when the third reply has arrived and nothing of it is stored. The next process
  remembers two whole turns, answers the third message once, and goes on hours later.
seed: 7
clock: {start: 2026-03-02T09:00:00Z}
stack: {window_tokens: 6000}
script:
  - user: "My name is Ada. What is the capital of France?"
    reply: {text: "Paris."}
  - wait: 5h
  - repeat: 4
    every: 3m
    user: {words: [10, 30]}
    reply: {words: [20, 80]}
faults:
  - crash: {turn: 3, at: reply.received}
expect:
  resume: {after_crash: 1, transcript: 2}
  lost_turns: 0
  rejected_requests: 0
  request_tokens: {max: 6000}
"""


def listing(arguments: argparse.Namespace) -> int:
    """Every scenario's folder/name and its sentence; what has none is said, with exit code 4.

    No file is read further than to its name, unless that is not there.
    """
    from harness.cli.choose import complaints, found
    from harness.report.result import story_of
    from harness.scenario.load import ScenarioError, headline, load

    rows: list[tuple[str, str]] = []
    bad: list[str] = []
    for path in found(arguments.paths):
        try:
            name = headline(path).name or load(path).scenario.name
            rows.append((story_of(str(path)), name))
        except ScenarioError as error:
            bad.append(str(error))
    width = columns(TABLE_COLUMNS_MAX)
    indent = min(max((len(story) + 2 for story, _ in rows), default=0), width // 2)
    sys.stdout.writelines(
        f"{line}\n"
        for story, name in rows
        for line in hanging(tidy(story), tidy(name), indent=indent, width=width)
    )
    sys.stdout.write(f"\n{len(rows)} scenario{'' if len(rows) == 1 else 's'}\n")
    if bad:
        raise Stop(USAGE, complaints(bad))
    return 0


def schema(_: argparse.Namespace) -> int:
    """The JSON Schema, as it was published with this version."""
    sys.stdout.write(published_schema())
    return 0


def init(arguments: argparse.Namespace) -> int:
    """A first scenario and the schema beside it; nothing that is there is touched."""
    folder: Path = arguments.folder
    path = folder / FIRST_NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(_FIRST)
        if not (folder / SCHEMA_NAME).exists():
            (folder / SCHEMA_NAME).write_text(published_schema(), encoding="utf-8")
    except FileExistsError as error:
        message = f"{error.filename} is there already and stays as it is; name another folder"
        raise Stop(USAGE, f"harness init: {message}") from error
    except OSError as error:
        message = f"expected to write {path}, got {error.strerror}; name another folder"
        raise Stop(USAGE, f"harness init: {message}") from error
    sys.stdout.write(
        f"wrote {path}\n\nnext:\n"
        f"  harness run {folder}                   play it on the reference stack\n"
        f"  harness run {folder} --target naive    see a stack that forgets get caught\n"
    )
    return 0


def published_schema() -> str:
    """The schema file that comes with the package: building it anew takes half a second."""
    import harness.scenario

    return (Path(harness.scenario.__path__[0]) / SCHEMA_NAME).read_text(encoding="utf-8")
