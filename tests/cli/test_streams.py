"""A command started with closed streams, or whose reader left, ends as it would have anyway."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = f"{sys.executable} -m harness"


def shell(command: str, folder: Path) -> tuple[str, str]:
    """What `... ; echo $?` says, and what was said on stderr."""
    done = subprocess.run(
        ["bash", "-c", command.replace("harness", HARNESS)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout.strip(), done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("harness list >&-; echo $?", "0"),
        ("harness list 2>&-; echo $?", "0"),
        ("harness list nowhere 2>&-; echo $?", "4"),
        ("harness list nowhere >&- 2>&- <&-; echo $?", "4"),
        ("harness --version | true; echo ${PIPESTATUS[0]}", "0"),
        ("harness list nowhere 2>&1 | true; echo ${PIPESTATUS[0]}", "4"),
        ("harness run >&-; echo $?", "0"),
        ("harness run | true; echo ${PIPESTATUS[0]}", "0"),
        ("harness run --target naive | true; echo ${PIPESTATUS[0]}", "1"),
        ("harness --version >/dev/full; echo $?", "4"),
        ("harness run --help >/dev/full; echo $?", "4"),
    ],
)
def test_no_stream_that_is_closed_changes_the_exit_code(
    tmp_path: Path, command: str, code: str
) -> None:
    (tmp_path / "scenarios").mkdir()
    story = "name: x\nscript: [{user: hi}, {user: ho}]\nfaults: [{crash: {turn: 2, at: CRASH}}]\n"
    story = story.replace("CRASH", "reply.delivered")
    (tmp_path / "scenarios" / "a.scenario.yaml").write_text(story)
    said, errors = shell(command, tmp_path)
    assert said.splitlines()[-1] == code
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
