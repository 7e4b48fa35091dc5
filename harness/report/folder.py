"""A result as files: the record, beside it its scenario, which `replay` finds, and the verdict."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from harness.files import storable
from harness.report.result import Result
from harness.scenario.load import STORED
from harness.scenario.write import exact


def store(result: Result, report: Path) -> str:
    """Write them below the report's folder; why that cannot be done, or nothing."""
    folder = report / result.story
    verdict = storable(json.dumps(asdict(result.verdict), indent=2, ensure_ascii=False))
    scenario = storable(exact(result.record.header.scenario))
    try:
        result.record.write(folder / "record.jsonl")
        (folder / STORED).write_text(scenario, encoding="utf-8")
        (folder / "verdict.json").write_text(f"{verdict}\n", encoding="utf-8")
    except OSError as error:
        where = error.filename or folder
        told = f"--report {report}: expected to write {where}, got {error.strerror}"
        return f"{told}; make room, or name another folder"
    return ""
