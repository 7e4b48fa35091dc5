"""Targets that behave oddly, each in one way: for the tests of the world they live in."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.protocol import Message, Tool


class Echo:
    """Answers with what was said; remembers in a file; obeys orders in the text."""

    name = "echo"

    def open(
        self, home: Path, session_id: str, settings: Mapping[str, object], tools: Mapping[str, Tool]
    ) -> Echo:
        """One session at a time is enough here."""
        self.home, self.tools = home, tools
        return self

    def send(self, message_id: str, text: str) -> str:
        """Do what the text says, then echo it."""
        order, _, rest = text.partition(" ")
        told = getattr(self, f"do_{order}", lambda _rest: None)(rest)
        with (self.home / "said").open("a", encoding="utf-8") as said:
            said.write(text + "\n")
        return told or f"echo {text}"

    def do_clock(self, _rest: str) -> str:
        return f"{time.time()} {time.monotonic()}"

    def do_exit(self, status: str) -> None:
        print("so long")  # noqa: T201 - the test looks for it in the life's output
        sys.stdout.flush()
        os._exit(int(status))

    def do_raise(self, word: str) -> None:
        raise RuntimeError(word)

    def do_hang(self, _rest: str) -> None:
        while True:
            pass

    def do_fell(self, _rest: str) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)

    def do_sleep(self, seconds: str) -> None:
        time.sleep(float(seconds))

    def do_use(self, tool: str) -> None:
        self.tools[tool]({"with": "care"}, call_id="c1")

    def do_phone(self, url: str) -> None:
        urllib.request.urlopen(url)

    def do_draw(self, _rest: str) -> None:
        (self.home / "drawn").write_text(str(random.getrandbits(64)), encoding="ascii")

    def do_stray(self, _rest: str) -> None:
        nap = [sys.executable, "-c", "import time; time.sleep(600)"]
        child = subprocess.Popen(nap, start_new_session=True)
        (self.home / "stray").write_text(str(child.pid), encoding="ascii")

    def history(self) -> Sequence[Message]:
        """What the file says."""
        path = self.home / "said"
        if not path.exists():
            return []
        rows: list[Message] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            rows += [Message("user", line), Message("assistant", f"echo {line}")]
        return rows

    def close(self) -> None:
        """Nothing to let go of."""


class Abrupt(Echo):
    """Takes its process along when it is closed."""

    name = "abrupt"

    def close(self) -> None:
        """The end of everything."""
        os._exit(4)


class Unwilling(Echo):
    """Cannot be opened."""

    name = "unwilling"

    def open(self, *_arguments: Any) -> Echo:
        """Never."""
        raise PermissionError("not today")


class NoTarget:
    """Has no open()."""

    name = "no-target"
