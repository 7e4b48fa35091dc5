"""`python -m harness`."""

from __future__ import annotations

import subprocess
import sys


def test_the_module_is_the_command_and_passes_its_exit_code_on() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "rum"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "invalid choice: 'rum'" in done.stderr
