"""Virtual waiting, each claim in a process of its own: the clocks of a process are put in once."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

_FRAME = """
import asyncio, datetime, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from time import monotonic as early_monotonic, sleep as early_sleep, time as early_time
from harness.life import clock, waiting
def real(): return clock.REAL["perf_counter"]()
clock.install(); waiting.install()
began_real, began = real(), time.monotonic()
def passed(): return round(time.monotonic() - began, 6)
"""
_END = """
assert real() - began_real < 5, "it took real time"
print("kept")
"""


def _runs(body: str) -> None:
    code = _FRAME + textwrap.dedent(body) + _END
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == "kept", done.stderr


def test_all_clocks_agree_whatever_way_they_are_asked() -> None:
    _runs("""
        wall, calendar = time.time(), datetime.datetime.now(datetime.UTC)
        nanos = time.time_ns()
        early_sleep(3600)
        assert passed() == 3600
        assert time.time() - wall == 3600
        assert time.time_ns() - nanos == 3600 * 10**9
        assert (datetime.datetime.now(datetime.UTC) - calendar).total_seconds() == 3600
        assert early_monotonic() == time.monotonic()
        assert abs(early_time() - time.time()) < 1e-6
        assert time.gmtime()[:6] == datetime.datetime.now(datetime.UTC).timetuple()[:6]
        assert time.perf_counter_ns() == time.monotonic_ns()
    """)


def test_the_event_loop_jumps_to_its_next_timer() -> None:
    _runs("""
        async def main():
            await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(7200))
            assert passed() == 7200, passed()
            try:
                await asyncio.wait_for(asyncio.Event().wait(), 10)
            except TimeoutError:
                assert passed() == 7210
            else:
                raise AssertionError("no timeout")
        asyncio.run(main())
    """)


def test_two_waits_of_half_a_second_take_half_a_second_together() -> None:
    _runs("""
        async def main():
            await asyncio.gather(asyncio.sleep(0.5), asyncio.sleep(0.5))
        asyncio.run(main())
        assert passed() == 0.5, passed()
    """)


def test_a_real_job_in_an_executor_does_not_time_out_falsely() -> None:
    _runs("""
        async def main():
            work = lambda: (clock.REAL["sleep"](0.05), "done")[1]
            loop = asyncio.get_running_loop()
            return await asyncio.wait_for(loop.run_in_executor(None, work), 0.001)
        for _ in range(5):
            assert asyncio.run(main()) == "done"
        assert passed() == 0, passed()
    """)


def test_a_child_process_lives_in_real_time() -> None:
    _runs("""
        nap = [sys.executable, "-c", "import time; time.sleep(0.05)"]
        subprocess.run(nap, timeout=30, check=True)
        assert passed() == 0, passed()
        async def main():
            child = await asyncio.create_subprocess_exec(*nap)
            return await asyncio.wait_for(child.wait(), 5)
        assert asyncio.run(main()) == 0
    """)


def test_waiting_threads_take_the_earliest_deadline_first() -> None:
    _runs("""
        order = []
        def nap(seconds):
            time.sleep(seconds)
            order.append((seconds, passed()))
        threads = [threading.Thread(target=nap, args=(seconds,)) for seconds in (300, 100, 200)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert order == [(100, 100.0), (200, 200.0), (300, 300.0)], order
    """)


def test_an_event_is_seen_when_it_is_set_and_times_out_when_it_is_not() -> None:
    _runs("""
        event = threading.Event()
        assert not event.wait(30)
        assert passed() == 30
        timer = threading.Timer(10, event.set)
        timer.start()
        assert event.wait(60)
        timer.join()
        assert passed() == 40, passed()
    """)


def test_a_pool_that_is_idle_does_not_stop_time() -> None:
    _runs("""
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(str, range(4))) == ["0", "1", "2", "3"]
            time.sleep(50)
        assert passed() == 50, passed()
    """)


@pytest.mark.parametrize("seconds", ["-1", "float('nan')"])
def test_a_senseless_sleep_is_refused_as_ever(seconds: str) -> None:
    _runs(f"""
        try:
            time.sleep({seconds})
        except ValueError:
            pass
        else:
            raise AssertionError("slept")
    """)


def test_a_thread_that_waits_for_ever_does_not_hold_time_up() -> None:
    _runs("""
        import queue
        inbox = queue.Queue()
        threading.Thread(target=inbox.get, daemon=True).start()
        for _ in range(20):
            time.sleep(60)
        assert passed() == 1200, passed()
        inbox.put("over")
    """)
