"""Every replay line of the pages, typed by a stranger: a fresh process finds what the row says."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.targets.published import LIBRARIES, needs, pinned, replay_lines

ROOT = LIBRARIES.parents[1]
ROWS = [
    pytest.param(
        token,
        codes,
        id=f"{page.stem}-{name}-{token.rsplit('-', 2)[1].split('.')[0]}",
        marks=needs(page.stem, *pinned(page.stem)),
    )
    for page in sorted(LIBRARIES.glob("*.md"))
    for name, token, codes in replay_lines(page.stem)
]
SAMPLE = [ROWS[0], ROWS[-2]]


def replayed(token: str) -> tuple[int, set[str]]:
    """The exit code of `harness replay`, and the codes it tells."""
    command = [sys.executable, "-m", "harness", "replay", token, "--in"]
    done = subprocess.run(
        [*command, str(LIBRARIES / "stories")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not done.stderr, done.stderr
    told = set(re.findall(r"^  ([PSWT]\d)\b", done.stdout, re.MULTILINE))
    for rest in re.findall(r"more findings?: ([A-Z0-9, ]+) in all", done.stdout):
        told |= set(rest.split(", "))
    return done.returncode, told


@pytest.mark.parametrize(("token", "codes"), SAMPLE)
def test_a_replay_line_finds_what_its_row_says(token: str, codes: str) -> None:
    assert replayed(token) == (1, set(codes.split(", ")))


@pytest.mark.slow
@pytest.mark.parametrize(("token", "codes"), ROWS)
def test_every_replay_line_finds_what_its_row_says(token: str, codes: str) -> None:
    assert replayed(token) == (1, set(codes.split(", ")))
