"""The command line.

Exit codes are pytest's: 0 all kept, 1 a promise broken, 2 interrupted, 3 invalid or the harness
broke, 4 usage or a bad scenario, 5 nothing to run. Every error is said in full on stderr.
"""

from harness.cli.entry import main

__all__ = ["main"]
