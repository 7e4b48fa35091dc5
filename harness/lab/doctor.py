"""What works on this machine, found by trying: recorder, lives, virtual time, SDK, extras.

Nothing is read from a version number where it can be tried instead. A line is `ok`, `degraded` (the
main job works, with less) or `missing`; each that is not ok says what to do.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.lab.play import TargetError, play
from harness.lab.targets import shipped_targets
from harness.life.disk import trap
from harness.scenario.faults import Crash, Fault
from harness.scenario.load import Loaded
from harness.scenario.schema import Say, Scenario, Step, Wait
from harness.world.disk.lay_down import memory_directory
from harness.world.syscalls import notify
from harness.world.syscalls.numbers import UnknownMachine, machine
from harness.world.syscalls.rehearsal import VARIABLE, UnknownRecorder, available, choose

State = Literal["ok", "degraded", "missing"]
PACKAGE = "conversation-crash-lab"
ROOM_BYTES = 64 << 20
"""Memory that the directories of crashes may need."""
_BUNDLED = ("anthropic", "httpx", "respx", "time-machine", "pydantic")


@dataclass(frozen=True)
class Line:
    """One thing that was tried. `remedy` is what to do, empty where nothing is to be done."""

    name: str
    state: State
    says: str
    remedy: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All lines, the recorder that runs will use here, and whether the main job works."""

    works: bool
    recorder: str
    lines: tuple[Line, ...]


def diagnose(target: str = "lifecycle") -> Diagnosis:
    """Try everything; takes as long as importing the SDK. `target` is what the life is made of."""
    lines = [*_machine(), *_recorder(), _room(), *_lives(target), *_packages(), *_extras()]
    lines.append(Line("targets", "ok", ", ".join(shipped_targets())))
    works = next(line for line in lines if line.name == "a life").state != "missing"
    return Diagnosis(works, _chosen(), tuple(lines))


def _chosen() -> str:
    try:
        return choose().fidelity
    except UnknownRecorder:
        return "none"


def _machine() -> Iterator[Line]:
    here = os.uname()
    python = ".".join(map(str, sys.version_info[:3]))
    yield Line("python", "ok", f"{sys.implementation.name} {python}")
    said = f"{here.sysname} {here.release} on {here.machine}"
    try:
        machine()
    except UnknownMachine as error:
        remedy = "the Python recorder is used instead"
        yield Line("kernel", "degraded", f"{said}: {error}", remedy)
    else:
        yield Line("kernel", "ok", said)


def _recorder() -> Iterator[Line]:
    yield from _flags()
    yield _tried("no_new_privs", trap.allows_no_new_privileges, "a process may give up privileges")
    yield _tried("process_vm_readv", _reads_memory, "arguments of a call can be read")
    yield _tried("pidfd_getfd", _borrows, "part of a write can be done for a life")
    works, why = available()
    try:
        choice = choose()
    except UnknownRecorder as error:
        yield Line("recorder", "missing", str(error), "unset the variable")
        return
    if choice.fidelity == "seccomp":
        state: State = "ok" if works else "missing"
        remedy = "" if works else f"unset {VARIABLE}: Python's own recorder works everywhere"
        yield Line("recorder", state, why, remedy)
        return
    remedy = (
        "run on Linux 5.19 or newer, outside of a sandbox that filters seccomp (Docker: "
        "--security-opt seccomp=unconfined), to see C libraries and child processes too"
    )
    said = f"python: disk calls are seen from Python only ({choice.why})"
    asked = f"unset {VARIABLE} to see C libraries and child processes too"
    yield Line("recorder", "degraded", said, asked if works else remedy)


def _flags() -> Iterator[Line]:
    upgrade = "Linux 5.19 or newer has it"
    try:
        listener = trap.knows_flags(trap.NEW_LISTENER)
        killable = listener and trap.knows_flags(trap.NEW_LISTENER | trap.WAIT_KILLABLE_RECV)
    except trap.CannotTrap as error:
        yield Line("seccomp", "degraded", str(error), "the Python recorder is used instead")
        return
    if not listener:
        said = "this kernel, or the sandbox around it, has no user notification"
        yield Line("seccomp", "degraded", said, "the Python recorder is used instead")
    elif killable:
        yield Line("seccomp", "ok", "NEW_LISTENER and WAIT_KILLABLE_RECV")
    else:
        said = "NEW_LISTENER without WAIT_KILLABLE_RECV: a signal may interrupt a recorded call"
        yield Line("seccomp", "degraded", said, upgrade)


def _tried(name: str, works: Callable[[], bool], says: str) -> Line:
    try:
        if works():
            return Line(name, "ok", says)
        why = "it gives a wrong answer"
    except (OSError, notify.Vanished) as error:
        why = str(error) or type(error).__name__
    return Line(name, "degraded", f"refused: {why}", "the Python recorder is used instead")


def _reads_memory() -> bool:
    word = ctypes.create_string_buffer(b"here")
    return notify.read_memory(os.getpid(), ctypes.addressof(word), 4) == b"here"


def _borrows() -> bool:
    with tempfile.TemporaryFile() as file:
        ours = notify.borrow(os.getpid(), file.fileno())
        try:
            return os.path.sameopenfile(ours, file.fileno())
        finally:
            os.close(ours)


def _room() -> Line:
    place = memory_directory()
    if place is None:
        said = f"no /dev/shm that can be written: crashes are laid down in {tempfile.gettempdir()}"
        remedy = "mount a tmpfs there: a disk is fifteen times slower"
        return Line("memory disk", "degraded", said, remedy)
    free = shutil.disk_usage(place).free
    said = f"{free / (1 << 20):,.0f} MB free in {place}"
    if free < ROOM_BYTES:
        return Line("memory disk", "degraded", said, "make room (Docker: --shm-size=256m)")
    return Line("memory disk", "ok", said)


def _lives(target: str) -> Iterator[Line]:
    """One conversation with a wait, a real death and a second life, on a target."""
    script = (
        Say(user="Are you there?", reply=Step(text="I am here.")),
        Wait(wait="5h"),
        Say(user="And now?", reply=Step(text="Still here.")),
    )
    crash = Fault(crash=Crash(turn=2, at="reply.received"))
    scenario = Scenario(name="a rehearsal", script=script, faults=(crash,))
    try:
        (result,) = play([Loaded("doctor.scenario.yaml", scenario)], target=target).results
    except (TargetError, OSError) as error:
        yield Line("a life", "missing", f"no life can be started: {error}", "see the message")
        return
    wrong = [*result.verdict.reasons, *(finding.message for finding in result.verdict.findings)]
    if wrong:
        yield Line("a life", "missing", f"the rehearsal went wrong: {wrong[0]}", "please report it")
        return
    said = f"forked, killed, opened again on what was left, in {result.wall_s:.2f} s"
    yield Line("a life", "ok", said)
    hours = result.verdict.numbers.virtual_s / 3600
    yield Line("virtual time", "ok", f"{hours:.1f} h passed in it")


def _packages() -> Iterator[Line]:
    for name in _BUNDLED:
        version = _version(name)
        if version is None:
            yield Line(name, "missing", "not installed", "uv sync")
        else:
            yield Line(name, "ok", version)


def _extras() -> Iterator[Line]:
    try:
        required = importlib.metadata.requires(PACKAGE) or []
        offered = importlib.metadata.metadata(PACKAGE).get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:
        said = "the package's own metadata are not there"
        yield Line("extras", "degraded", said, "uv sync")
        return
    for extra in sorted(offered):
        names = _needed(extra, required)
        found = {name: _version(name) for name in names}
        said = ", ".join(f"{name} {version or 'not installed'}" for name, version in found.items())
        whole = all(found.values())
        remedy = "" if whole else f"uv sync --extra {extra}, where it is wanted"
        yield Line(f"[{extra}]", "ok" if whole else "degraded", said, remedy)


def _needed(extra: str, required: Sequence[str]) -> list[str]:
    """The packages of an extra, from requirements such as `redis>=8.1; extra == 'redis'`."""
    mark = re.compile(rf"extra == ['\"]{re.escape(extra)}['\"]")
    mine = (line for line in required if mark.search(line))
    return [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in mine]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
