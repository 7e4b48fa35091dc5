"""Finding the target that `--target` names, without importing it: the warm server does that."""

from __future__ import annotations

import importlib.util
import os
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOM = "harness.targets"


class TargetError(ValueError):
    """`--target` names nothing that can be opened: the message says what, and what there is."""


@dataclass(frozen=True)
class TargetRef:
    """A target by name: a shipped module's class, or a class in a file."""

    name: str
    module: str | None
    file: str | None
    class_name: str

    @property
    def option(self) -> str | None:
        """What `--target` must say to find it again; None for a shipped one."""
        return None if self.file is None else f"{os.path.relpath(self.file)}:{self.class_name}"

    def order(self) -> dict[str, Any]:
        """What the warm server needs to import it."""
        return {"module": self.module, "file": self.file, "class": self.class_name}


def shipped_targets() -> tuple[str, ...]:
    """The names that `--target` knows, without importing any of them."""
    spec = importlib.util.find_spec(_ROOM)
    folders = spec.submodule_search_locations if spec is not None else None
    return tuple(sorted(module.name for module in pkgutil.iter_modules(folders)))


def find_target(name: str) -> TargetRef:
    """A shipped name, or `path/to/file.py:Class`; TargetError else."""
    if name in shipped_targets():
        class_name = "".join(part.title() for part in name.split("_"))
        return TargetRef(name, f"{_ROOM}.{name}", None, class_name)
    path, colon, class_name = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise TargetError(
            f"--target {name}: expected path/to/file.py:Class or one of "
            f"{', '.join(shipped_targets())}"
        )
    file = Path(path)
    if not file.is_file():
        raise TargetError(f"--target {name}: there is no file {path}")
    if not class_name.isidentifier():
        raise TargetError(f"--target {name}: expected the name of a class behind the colon")
    return TargetRef(f"{file.name}:{class_name}", None, str(file.resolve()), class_name)
