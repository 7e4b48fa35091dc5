"""A warm server of a test's own, from the zygote that all tests of this process share."""

from __future__ import annotations

from pathlib import Path

from harness.lab.pool import POOL
from harness.lab.targets import find_target
from harness.world.process import Server


def a_server(target: str, root: Path) -> Server:
    """A server of this target; whoever asked for it closes it."""
    return Server(find_target(target).order(), root, zygote=POOL.zygote())
