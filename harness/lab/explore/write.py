"""A finding as a scenario file that can be committed: it says what was found, and reads well."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from harness.checks.catalogue import promise
from harness.checks.verdict import Finding
from harness.scenario.load import SUFFIX
from harness.scenario.schema import Scenario
from harness.scenario.write import text

_NOT_WORDS = re.compile(r"[^a-z0-9]+")


def told(scenario: Scenario, finding: Finding, target: str) -> Scenario:
    """The scenario under a name that says what goes wrong, and what it proves."""
    broken = promise(finding.code)
    cause = " and ".join(_cause(fault.model_dump(mode="json")) for fault in scenario.faults)
    name = f"{broken.name}: {cause or 'no fault at all'}"
    about = (
        f"Found by exploring {target}, which breaks {finding.code} here: {finding.message}. "
        f"The promise: {broken.says}."
    )
    return scenario.model_copy(update={"name": name, "about": about})


def _cause(fault: dict[str, Any]) -> str:
    ((kind, what),) = ((kind, what) for kind, what in fault.items() if what is not None)
    turn = f"on turn {what['turn']}"
    if kind == "crash":
        disk = "" if what["disk"] == "kill" else f", power cut over {what['disk']}"
        return f"death at {what['at']} {turn}{disk}"
    if kind == "tool":
        return f"death {what['crash'].replace('_', ' ')} of a tool call {turn}"
    if kind == "http":
        return f"{what['status'] or what['network']} {turn}"
    if kind == "stream":
        return f"a stream that ends in {what['cut'] or 'an error'} {turn}"
    if kind == "disk":
        return f"{what['error']} on {what['on']} {turn}"
    if kind == "redelivery":
        return f"turn {what['of']}'s message delivered again {turn.replace('on', 'before', 1)}"
    if kind == "writer":
        return f"{what['sessions']} processes at once {turn}"
    if kind == "damage":
        return f"{what['what']} in a file at rest {turn.replace('on', 'before', 1)}"
    return f"a fault of the {kind} {turn}"


def write(scenario: Scenario, code: str, folder: Path) -> Path:
    """Store it under `folder`; the name says code and cause, the same scenario the same file."""
    folder.mkdir(parents=True, exist_ok=True)
    body = text(scenario)
    cause = _NOT_WORDS.sub("_", scenario.name.partition(": ")[2].lower()).strip("_")[:60]
    content = scenario.model_copy(update={"about": ""}).model_dump_json()
    digest = hashlib.sha256(content.encode()).hexdigest()[:6]
    path = folder / f"{code.lower()}_{cause.rstrip('_')}_{digest}{SUFFIX}"
    path.write_text(body, encoding="utf-8")
    return path
