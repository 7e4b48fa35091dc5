"""The standard streams stay open, whatever a target's import closes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness.lab.play import play
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario

CLOSING = [
    "os.close(1); os.close(2)",
    "os.closerange(0, 3)",
    "sys.stdout.close(); sys.stderr.close(); sys.stdin.close()",
    "sys.stdout = sys.stderr = None",
]


def _python(block: str, then: str) -> tuple[str, str]:
    """What a process says on both outputs: its block runs with the streams kept open."""
    code = f"""
        import os, sys
        from harness.life.target.streams import kept_open
        with kept_open():
            {block}
        {then}
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ran.stdout, ran.stderr


@pytest.mark.parametrize("closing", CLOSING)
def test_what_the_import_closed_is_open_again_and_leads_where_it_led(closing: str) -> None:
    then = "print('out'); print('err', file=sys.stderr); assert os.fstat(0)"
    assert _python(closing, then) == ("out\n", "err\n")


def test_no_descriptor_is_left_behind() -> None:
    then = "print(sorted(set(os.listdir('/proc/self/fd')) - before))"
    block = "before = set(os.listdir('/proc/self/fd')); os.close(2)"
    extra, _ = _python(block, then)
    assert extra == "[]\n"


def test_what_the_import_put_in_its_place_stays(tmp_path: Path) -> None:
    log = tmp_path / "log"
    block = f"os.dup2(os.open({str(log)!r}, os.O_CREAT | os.O_WRONLY), 1)"
    assert _python(block, "print('logged')") == ("", "")
    assert log.read_text() == "logged\n"


@pytest.mark.parametrize("closing", CLOSING[::2])
def test_a_target_that_closes_its_outputs_at_import_lives_and_is_heard(
    closing: str, tmp_path: Path
) -> None:
    path = tmp_path / "silent.py"
    path.write_text(f"import os, sys\n{closing}\nfrom tests.stacks.odd import Echo\n")
    told = {"name": "x", "script": [{"user": "hello"}, {"user": "exit 3"}]}
    loaded = Loaded("x.scenario.yaml", Scenario.model_validate(told))
    (result,) = play([loaded], target=f"{path}:Echo").results
    assert next(result.record.of("reply.delivered")).data["text"] == "echo hello"
    died = next(result.record.of("died"))
    assert (died.data["status"], died.data["stderr"]) == (3, "so long\n")
