"""Finding the target that `--target` names, without importing it: the warm server does that.

Where it cannot be imported for want of something, `remedy` says what installs that: the extra of
its own name here, the pinned libraries of that extra in another interpreter (`--python`).
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib.metadata
import importlib.util
import os
import pkgutil
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.world.interpreter import find_interpreter

_ROOM = "harness.targets"
_PACKAGE = "conversation-crash-lab"
_ASKS = ("anthropic", "respx", "httpx", "time_machine")
_WITHOUT = {
    "anthropic": "a target that asks the model through it cannot",
    "time_machine": "`datetime.now`, `gmtime` and `strftime` tell the machine's time there",
}


class TargetError(ValueError):
    """`--target` names nothing that can be opened: the message says what, and what there is."""


@dataclass(frozen=True)
class TargetRef:
    """A target by name: a shipped module's class, or a class in a file.

    `python` is the absolute path of the interpreter that it runs under; None for this one.
    """

    name: str
    module: str | None
    file: str | None
    class_name: str
    python: str | None = None

    @property
    def option(self) -> str | None:
        """What must follow `--target` to find it again; None for a shipped one run under ours."""
        where = f" --python {shlex.quote(self.python)}" if self.python else ""
        if self.file is None:
            return f"{self.name}{where}" if where else None
        return shlex.quote(f"{os.path.relpath(self.file)}:{self.class_name}") + where

    def order(self) -> dict[str, Any]:
        """What the warm server needs to import it."""
        return {"module": self.module, "file": self.file, "class": self.class_name}


def shipped_targets() -> tuple[str, ...]:
    """The names that `--target` knows, without importing any of them."""
    spec = importlib.util.find_spec(_ROOM)
    folders = spec.submodule_search_locations if spec is not None else None
    return tuple(sorted(module.name for module in pkgutil.iter_modules(folders)))


def find_target(name: str, python: str | None = None) -> TargetRef:
    """A shipped name, or `path/to/file.py:Class`, under another interpreter or this one.

    TargetError where there is no such target or no such interpreter.
    """
    ref = _named(name)
    if python is None:
        return ref
    path = find_interpreter(python)
    if path is None:
        raise TargetError(
            f"--python {python}: expected an interpreter, got no program of that name; give the "
            "path of its `python`, such as .venv/bin/python"
        )
    return dataclasses.replace(ref, python=path)


def remedy(ref: TargetRef, missing: Sequence[str]) -> str:
    """What to run so that the modules are there; empty where this package cannot know."""
    own = _requirements(ref.name) if ref.file is None else []
    if ref.python is None:
        return f"uv sync --extra {ref.name}" if own else ""
    # Whoever asks the model needs all of it; one at a time would be several errands.
    asks = _ASKS if set(missing).intersection(_ASKS) else missing
    return _pip(ref.python, [*own, *_ours(asks)])


def lacking(ref: TargetRef, lacks: Sequence[str]) -> Iterator[str]:
    """What is different for want of these modules, a sentence each."""
    for name in lacks:
        where = ref.python or sys.executable
        cure = _pip(where, _ours([name]))
        yield f"{where} lacks {name}, so {_WITHOUT[name]}; install it with `{cure}`"


def _pip(python: str, requirements: Sequence[str]) -> str:
    if not requirements:
        return ""
    return f"{shlex.quote(python)} -m pip install {' '.join(map(shlex.quote, requirements))}"


def _ours(modules: Sequence[str]) -> list[str]:
    """Our own requirements of these names."""
    stated = {re.split(r"[^\w.-]", need)[0].replace("-", "_"): need for need in _requirements()}
    return [stated[name] for name in modules if name in stated]


def _requirements(extra: str = "") -> list[str]:
    """What this package requires, for itself or for an extra, in pip's words."""
    try:
        stated = importlib.metadata.requires(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = []
    for line in stated:
        need, _, marker = (part.strip() for part in line.partition(";"))
        extras = re.findall(r"""extra == ['"]([^'"]+)['"]""", marker)
        if extras == ([extra.replace("_", "-")] if extra else []):
            found.append(need)
    return found


def _named(name: str) -> TargetRef:
    if name in shipped_targets():
        class_name = "".join(part.title() for part in name.split("_"))
        return TargetRef(name, f"{_ROOM}.{name}", None, class_name)
    path, colon, class_name = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        near = difflib.get_close_matches(name, shipped_targets(), n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise TargetError(
            f"--target {name}: expected path/to/file.py:Class or one of "
            f"{', '.join(shipped_targets())}{meant}"
        )
    file = Path(path)
    if not file.is_file():
        raise TargetError(f"--target {name}: there is no file {path}")
    if not class_name.isidentifier():
        raise TargetError(f"--target {name}: expected the name of a class behind the colon")
    return TargetRef(f"{file.name}:{class_name}", None, str(file.resolve()), class_name)
