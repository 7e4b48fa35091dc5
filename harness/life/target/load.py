"""Finding the target inside the warm server: a shipped module's class, or a class in a file.

Whatever its import does, even an exit, becomes one sentence for the user. `missing` are modules
that could not be found, where that was it: the runner knows what would install them.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.life.bridge import raising_line

_CLASSES_SHOWN = 6
_OPEN = ("home", "session_id", "settings", "tools")
_OPEN_STORE = ("home", "session_id")


class CannotImport(Exception):
    """The target cannot be imported; the message is for the user."""

    def __init__(self, message: str, missing: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.missing = tuple(missing)


@dataclass(frozen=True)
class Found:
    """The target, and its own source file: the lines of a finding are named in it."""

    target: Any
    home_file: str | None


def is_store(target: object) -> bool:
    """Whether it only remembers. What has both methods is a stack: it brings its own loop."""
    return not hasattr(target, "open")


def load_target(order: Mapping[str, Any]) -> Found:
    """Import it and make one; CannotImport says what stood in the way."""
    try:
        module = _module(order)
        target = _class(module, order["class"])()
    except CannotImport:
        raise
    except BaseException as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        where = raising_line(error, order["file"]) if order["file"] else None
        words = f"{type(error).__name__}: {error}".removesuffix(": ")
        told = words + (f"; raised at {where}" if where else "")
        raise CannotImport(told, [missing] if missing else []) from error
    if not hasattr(target, "open") and not hasattr(target, "open_store"):
        raise CannotImport(
            f"{order['class']} has no open({', '.join(_OPEN)}), and no "
            f"open_store({', '.join(_OPEN_STORE)}) either: see harness.protocol"
        )
    _check_opening(target, f"{Path(module.__file__ or order['module']).name}: {order['class']}")
    return Found(target, module.__file__)


def _check_opening(target: Any, whose: str) -> None:
    """CannotImport where its opening plainly cannot be called as it will be.

    What takes `*args` or `**kwargs`, or hides its signature, is believed.
    """
    name, wanted = ("open_store", _OPEN_STORE) if is_store(target) else ("open", _OPEN)
    opening = getattr(target, name)
    cure = f"write it `def {name}(self, {', '.join(wanted)})`, as in harness.protocol"
    if not callable(opening):
        kind = type(opening).__name__
        raise CannotImport(f"{whose}.{name} is expected to be a method, got a {kind}; {cure}")
    try:
        # A decorator that hands on what it wraps may give it more, or less, than it gets.
        signature = inspect.signature(opening, follow_wrapped=False)
    except (TypeError, ValueError):
        return
    takes = signature.parameters.values()
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in takes):
        return
    try:
        signature.bind(*wanted)
    except TypeError:
        has = ", ".join(map(str, signature.parameters)) or "nothing"
        told = f"{whose}.{name} takes {has}, and is called as {name}({', '.join(wanted)})"
        raise CannotImport(f"{told}; {cure}") from None


def _class(module: ModuleType, name: str) -> type:
    found: type | None = getattr(module, name, None)
    if found is not None:
        return found
    here = [each for each, made in vars(module).items() if _is_made_here(made, module)]
    there = f"there are {', '.join(here[:_CLASSES_SHOWN])}" if here else "it defines no class"
    raise CannotImport(f"{module.__name__} has no class {name!r}; {there}")


def _is_made_here(value: object, module: ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


def _module(order: Mapping[str, Any]) -> ModuleType:
    if order["file"] is None:
        return importlib.import_module(order["module"])
    path = Path(order["file"])
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise CannotImport(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
