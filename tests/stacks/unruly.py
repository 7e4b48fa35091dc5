"""A target that obeys orders which a well-behaved one would not: for the bounds of the lab."""

from __future__ import annotations

import mmap
import os
import signal
import sqlite3
import subprocess
import threading
from contextlib import closing, suppress

from tests.stacks.odd import Echo


class Unruly(Echo):
    """Echoes, after it has done with the disk what the text says."""

    name = "unruly"

    def do_outside(self, path: str) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write("written outside\n")

    def do_move(self, path: str) -> None:
        (self.home / "moved").write_text("moved out", encoding="utf-8")
        os.replace(self.home / "moved", path)

    def do_peek(self, path: str) -> None:
        with suppress(OSError), open(self.home / path, encoding="utf-8") as file:
            file.read()

    def do_map(self, _rest: str) -> None:
        with open(self.home / "mapped", "w+b") as file:
            file.truncate(4096)
            with mmap.mmap(file.fileno(), 4096) as mapped:
                mapped[:4] = b"seen"

    def do_base(self, name: str) -> None:
        with closing(sqlite3.connect(self.home / name)) as base:
            base.execute("PRAGMA journal_mode=WAL")
            base.execute("CREATE TABLE IF NOT EXISTS said (text)")
            base.execute("INSERT INTO said VALUES ('x')")
            base.commit()

    def do_spawn(self, name: str) -> None:
        orders = f"echo one > child; echo two >> child; mv child {name or 'grown'}"
        subprocess.run(["/bin/sh", "-c", orders], cwd=self.home, check=True)

    def do_fork(self, _rest: str) -> None:
        pid = os.fork()
        if not pid:
            with open(self.home / "forked", "a", encoding="utf-8") as file:
                file.write("from the child\n")
            os._exit(0)
        os.waitpid(pid, 0)

    def do_threads(self, count: str) -> None:
        def work(number: int) -> None:
            for line in range(5):
                with open(self.home / "shared", "a", encoding="utf-8") as file:
                    file.write(f"{number} {line}\n")
                draft = self.home / f"draft-{number}"
                draft.write_text(str(line), encoding="utf-8")
                os.replace(draft, self.home / f"final-{number}")

        workers = [threading.Thread(target=work, args=(n,)) for n in range(int(count))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def do_flood(self, lines: str) -> None:
        """Writes and writes, and never syncs."""
        with open(self.home / "flood", "ab", buffering=0) as file:
            for line in range(int(lines)):
                file.write(b"%d\n" % line)

    def do_alarms(self, _rest: str) -> None:
        """Is hit by signals while it writes."""
        signal.signal(signal.SIGALRM, lambda _number, _frame: None)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        self.do_flood("200")
        signal.setitimer(signal.ITIMER_REAL, 0)
