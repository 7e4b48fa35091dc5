"""The protocol: capabilities are found by their methods, and it knows no room of ours."""

from __future__ import annotations

import ast
from pathlib import Path

from harness import protocol


class _Rich:
    def checkpoint(self) -> None: ...

    def usage(self) -> protocol.Usage:
        return protocol.Usage(1, 2)

    def resume(self) -> None: ...

    def window(self) -> list[protocol.Message]:
        return []


def test_capabilities_are_found_by_their_methods() -> None:
    shapes = (protocol.HasCheckpoint, protocol.HasUsage, protocol.HasWindow, protocol.HasResume)
    assert all(isinstance(_Rich(), shape) for shape in shapes)
    assert not any(isinstance(object(), shape) for shape in shapes)


def test_the_protocol_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(protocol.__file__).read_text(encoding="utf-8"))
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [module for module in modules if module and module.startswith("harness")]
