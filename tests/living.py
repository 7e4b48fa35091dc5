"""What tests of a Ctrl-C need: a command that hears it, and which processes bear a mark still."""

from __future__ import annotations

from pathlib import Path

WITH_CTRL_C = """
import signal, sys
# These tests may themselves run where a shell has switched it off.
signal.signal(signal.SIGINT, signal.default_int_handler)
from harness.cli import main
sys.exit(main())
"""


def living(mark: str) -> list[str]:
    """The ids of the processes whose environment bears the mark."""
    found = []
    for each in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in each.read_bytes():
                found.append(each.parent.name)
        except OSError:
            continue
    return found
