"""Where a scenario that a test wrote in Python lies afterwards, so that its token replays.

A file has its place. One that was made by code is stored when it did not pass: beside its record
where `--harness-report` keeps that, else in pytest's own cache folder, under the name of its hash.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.report.result import Result
    from harness.scenario.load import Loaded

CACHE = "harness-scenarios"


def findable(result: Result, loaded: Loaded, config: pytest.Config) -> Result:
    """The result with the file that `harness replay --in` is to be given."""
    if result.outcome == "pass" or Path(loaded.path).is_file():
        return result
    from harness.case import scenario_hash
    from harness.scenario.load import STORED
    from harness.scenario.write import exact

    report: Path | None = config.getoption("--harness-report")
    file = None if report is None else report / result.story / STORED
    if file is None or not file.is_file():
        dump = loaded.scenario.dump()
        file = _folder(config) / f"{scenario_hash(dump)}.json"
        file.write_text(exact(dump), encoding="utf-8")
    return replace(result, scenario_file=str(near(file, config)))


def near(path: Path, config: pytest.Config) -> Path:
    """The path as the user would write it: from where pytest was started, if it is below."""
    start = config.invocation_params.dir
    return path.relative_to(start) if path.is_relative_to(start) else path


def _folder(config: pytest.Config) -> Path:
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if cache is None:  # -p no:cacheprovider
        return Path(tempfile.mkdtemp(prefix=f"{CACHE}-"))
    return cache.mkdir(CACHE)
