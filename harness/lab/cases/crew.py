"""The threads that play: each has a warm server, and takes the next scenario that waits.

Results come back in the order of the scenarios, whoever played them. A server on which the harness
broke, or which its target brought down, is left for a new one: it is not to be believed any more.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.lab.cases.scripted import Manner, play_scripted
from harness.lab.pool import POOL
from harness.report.folder import store
from harness.report.result import Result, Run
from harness.scenario.load import Loaded
from harness.world.process import Stopped


class Crew:
    """Those who play, and what they share. Each result is stored in `report`, and told of."""

    def __init__(
        self,
        manner: Manner,
        report: Path | None = None,
        on_result: Callable[[Result], None] | None = None,
    ) -> None:
        self._manner = manner
        self._report = report
        self._on_result = on_result
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._unwritten = ""
        self._done: dict[int, Result] = {}
        self._errors: list[BaseException] = []
        self._waiting: queue.SimpleQueue[tuple[int, Loaded]] = queue.SimpleQueue()
        self._home: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._came_home = threading.Event()

    def play(self, scenarios: Sequence[Loaded], jobs: int) -> Run:
        """All of them, by so many at a time; what concerns them all (TargetError) is raised."""
        for numbered in enumerate(scenarios):
            self._waiting.put(numbered)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        interrupted = False
        while self._home.qsize() < jobs:
            # Not thread.join: interrupted, CPython 3.11 takes a running thread for a finished one.
            try:
                self._came_home.wait(0.05)
                self._came_home.clear()
            except KeyboardInterrupt:
                interrupted = True
                self._stop.set()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        results = tuple(self._done[index] for index in sorted(self._done))
        return Run(results, len(scenarios), interrupted, self._unwritten)

    def _work(self) -> None:
        try:
            while self._play_on_one_server():
                pass
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self._errors.append(error)
            self._stop.set()
        finally:
            self._home.put(threading.get_ident())
            self._came_home.set()

    def _play_on_one_server(self) -> bool:
        """Whatever waits; True where that needs another server to go on."""
        with POOL.server(self._manner.target, self._stop.is_set) as server:
            while not self._stop.is_set():
                try:
                    index, loaded = self._waiting.get_nowait()
                except queue.Empty:
                    return False
                result = play_scripted(loaded, self._manner, server)
                self._finish(index, result)
                if any(result.record.of("broke")) or not server.alive:
                    server.close()
                    return not self._waiting.empty()
        return False

    def _finish(self, index: int, result: Result) -> None:
        if self._report is not None and not self._unwritten:
            self._unwritten = store(result, self._report)
        with self._lock:
            self._done[index] = result
            if self._on_result is not None:
                self._on_result(result)
