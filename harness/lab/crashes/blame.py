"""What broke a promise, on the disk: the operation, its bytes, its source line, what it lacked.

A killed process is stopped before an operation, or within it. After a power cut something is
missing: the first operation whose doing did not survive is named, and the barrier that would have
kept it. The line that issued it comes from playing the one case again, with the stack dumped there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from harness.checks.verdict import Finding
from harness.lab.crashes.base import Base
from harness.lab.crashes.real import source_line
from harness.world.disk.choices import Survivor
from harness.world.disk.file import SECTOR, Change
from harness.world.disk.states import State, states
from harness.world.process import Server
from harness.world.syscalls.operations import Operation
from harness.world.tree import Tree


@dataclass(frozen=True)
class Culprit:
    """An operation, by its number, and what is to be said about it."""

    at: int
    what: str


def blame(base: Base, left: State, finding: Finding, server: Server) -> Finding:
    """The finding with the culprit in its message and its line as its place."""
    culprit = culprit_of(base.operations, left, base.before)
    if culprit is None:
        return finding
    line = source_line(server, base, culprit.at)
    message = f"{finding.message}; {culprit.what}"
    return dataclasses.replace(finding, message=message, where=line or finding.where)


def culprit_of(operations: Sequence[Operation], left: State, before: Tree) -> Culprit | None:
    """Which operation a state goes back to; None where it is the end of the run, whole."""
    if left.tier == "kill":
        return _interrupted(operations, left)
    lost = [*_lost_names(operations, left, before), *_lost_data(operations, left)]
    return min(lost, key=lambda culprit: culprit.at, default=_interrupted(operations, left))


def _interrupted(operations: Sequence[Operation], left: State) -> Culprit | None:
    if left.at >= len(operations):
        return None
    operation = operations[left.at]
    within = f" within it ({left.choice})" if left.tier == "kill" and left.choice else " before it"
    return Culprit(left.at, f"stopped{within}: operation {left.at}, {operation}")


def _lost_data(operations: Sequence[Operation], left: State) -> list[Culprit]:
    """For each file, the first change of its content that is not there."""
    names = {file: path for path, file in left.view.files}
    found = []
    for file, survivor in left.survivors.items():
        change = _first_lost(survivor)
        if change is not None and change.operation >= 0:
            path = names.get(file, "a file")
            synced = _barrier(operations, change.operation, left.at, file)
            what = f"operation {change.operation}, {operations[change.operation]}, did not reach "
            what += f"the disk of {path} whole ({_bytes(change)}); {synced}"
            found.append(Culprit(change.operation, what))
    return found


def _first_lost(survivor: Survivor) -> Change | None:
    pending, choice = survivor.file.pending, survivor.choice
    if choice.kind in ("prefix", "stop", "head", "tail", "omit"):
        return pending[choice.count] if choice.count < len(pending) else None
    if choice.kind == "page":
        return next((change for change in pending if change.size > choice.detail), None)
    return pending[0] if pending else None


def _bytes(change: Change) -> str:
    if not change.sectors:
        return f"size {change.size}"
    first, last = min(change.sectors), max(change.sectors)
    return f"sectors {first} to {last}, bytes {first * SECTOR} to {(last + 1) * SECTOR - 1}"


def _barrier(operations: Sequence[Operation], since: int, until: int, file: int) -> str:
    name = operations[since].path or "the file"
    for number in range(since + 1, min(until, len(operations))):
        operation = operations[number]
        if operation.kind == "sync" or (operation.kind == "fsync" and operation.file == file):
            return f"the fsync of {name} came only at operation {number}"
    return f"missing: an fsync of {name} before what came next was acknowledged"


def _lost_names(operations: Sequence[Operation], left: State, before: Tree) -> list[Culprit]:
    """The first operation on names that is not there: it leads to another set of names."""
    whole = _whole(operations, left, before)
    if whole is None:
        return []
    there, should = dict(left.view.files), dict(whole.view.files)
    wrong = {path for path in there.keys() | should.keys() if there.get(path) != should.get(path)}
    gone = set(whole.view.directories) - set(left.view.directories)
    for number in range(min(left.at, len(operations)) - 1, -1, -1):
        operation = operations[number]
        touched = {operation.path, operation.to} & (wrong | gone)
        if operation.kind in _ON_NAMES and touched:
            folder = (operation.to or operation.path or "").rpartition("/")[0] or "the home"
            what = f"operation {number}, {operation}, did not reach the disk; missing: an fsync of "
            return [Culprit(number, f"{what}{folder}, which holds the name, after it")]
    return []


_ON_NAMES = ("create", "rename", "link", "symlink", "unlink", "mkdir", "rmdir")


def _whole(operations: Sequence[Operation], left: State, before: Tree) -> State | None:
    """What a kill at the same moment leaves: everything."""
    legal = states(operations[: left.at], "kill", before=before)
    return next((one for one in reversed(legal.distinct) if one.at == left.at), None)
