"""The warm life is never the only witness: what it says badly, and a sample, is said by forks."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.checks.judge import judge
from harness.checks.verdict import Verdict
from harness.lab.crashes import judging
from harness.lab.crashes.base import Base
from harness.lab.crashes.judging import HOMES, Bench, Judged, Told, a_place, crash_into, one_behind
from harness.lab.crashes.warm import Warm
from harness.lab.pool import POOL
from harness.lab.runner import run
from harness.lab.targets import find_target
from harness.record import Record
from harness.world.disk.choices import Choice, Survivor
from harness.world.disk.file import Cached
from harness.world.disk.lay_down import lay_down
from harness.world.disk.states import State, states
from harness.world.process import Life, Server
from tests.lab.crashes.conftest import recorded

REMEMBERS = str(Path(__file__).parents[2] / "stacks" / "remembers.py:Remembers")


class Scripted(Bench):
    """A bench that is told what the warm life says and what the forks say."""

    forked: list[int]

    def __init__(self, base: Base, server: Server, warm: Warm, says: dict[str, Verdict]) -> None:
        super().__init__(base, server, warm)
        self.says = says
        self.forked = []

    def _in_the_warm_life(
        self, warm: Warm, left: State, following: State | None, turns_after: int = 2
    ) -> Told:
        return lambda: self.says["warm"]

    def in_forks(self, left: State) -> Verdict:
        self.forked.append(left.number)
        return self.says["forks"]


@pytest.fixture(scope="module")
def passed(base: Base, server: Server) -> Verdict:
    with a_place(server) as home:
        return judge(crash_into(base, states(base.operations, "kill").distinct[0], server, home))


@pytest.fixture
def warm(base: Base, server: Server) -> Iterator[Warm]:
    warm = Warm(server, base.scenario)
    yield warm
    warm.close()


def _bad(verdict: Verdict) -> Verdict:
    return dataclasses.replace(verdict, outcome="invalid", reasons=("why",))


def test_of_what_ends_well_a_sample_is_played_in_forks(
    base: Base, server: Server, warm: Warm, passed: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "SAMPLE_EVERY", 3)
    chosen = states(base.operations, "kill").distinct[:7]
    bench = Scripted(base, server, warm, {"warm": passed, "forks": passed})
    assert [judged.verdict for judged in bench.judge_all(chosen)] == [passed] * 7
    assert bench.forked == [left.number for left in chosen[::3]]
    bench.close()


def test_a_state_is_laid_down_ahead_in_a_home_that_no_life_is_in_or_just_left(
    base: Base, server: Server, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = states(base.operations, "kill").distinct[:5]
    seen: list[str] = []

    def laying(left: State, home: Path) -> None:
        seen.append(f"{left.number} lies in {home.name}")
        lay_down(left, home)

    def running(*args: Any, **more: Any) -> Any:
        seen.append(f"a life begins in {args[3].name}")
        return run(*args, **more)

    monkeypatch.setattr(judging, "lay_down", laying)
    monkeypatch.setattr(judging, "run", running)
    bench = Bench(base, server, warm)
    assert {verdict.outcome for verdict in bench.ask_all(chosen)} == {"pass"}
    bench.close()
    homes = [line.rpartition(" ")[2] for line in seen if line.startswith("a life")]
    assert all(len({*homes[n : n + HOMES]}) == HOMES for n in range(len(homes) - HOMES + 1))
    lies = [f"{left.number} lies in {home}" for left, home in zip(chosen, homes, strict=True)]
    begins = [f"a life begins in {home}" for home in homes]
    in_turns = zip(begins, [*lies[1:], None], strict=True)
    assert seen == [lies[0], *(line for both in in_turns for line in both if line)]


def test_what_a_worker_sends_does_not_grow_with_the_home(base: Base, passed: Verdict) -> None:
    left = states(base.operations, "kill").distinct[-1]
    file = Cached(b"".join(number.to_bytes(8, "little") for number in range(100_000)))
    large = dataclasses.replace(
        left, survivors={0: Survivor(file.undecided(), Choice("prefix", 0), "")}
    )
    sizes = [len(pickle.dumps(Judged.of(each, passed))) for each in (left, large)]
    assert sizes[0] == sizes[1] < len(pickle.dumps(large))


def test_whatever_ends_badly_is_what_the_forks_say(
    base: Base, server: Server, warm: Warm, passed: Verdict
) -> None:
    chosen = states(base.operations, "kill").distinct[:3]
    bench = Scripted(base, server, warm, {"warm": _bad(passed), "forks": passed})
    assert [judged.verdict for judged in bench.judge_all(chosen)] == [passed] * 3
    assert len(bench.forked) == 3
    bench.close()


def test_a_warm_life_that_hides_something_is_given_up_and_taken_back(
    base: Base, server: Server, warm: Warm, passed: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "SAMPLE_EVERY", 3)
    chosen = states(base.operations, "kill").distinct[:6]
    bench = Scripted(base, server, warm, {"warm": passed, "forks": passed})
    said = []
    for judged in bench.judge_all(chosen):
        said.append((judged.number, judged.verdict.outcome, judged.again))
        bench.says["forks"] = _bad(passed)
    first, second, third, fourth, *rest = (left.number for left in chosen)
    assert said == [
        (first, "pass", False),
        (second, "pass", False),
        (third, "pass", False),
        (second, "invalid", True),
        (third, "invalid", True),
        (fourth, "invalid", False),
        *((number, "invalid", False) for number in rest),
    ]
    bench.close()


def test_a_stack_that_remembers_in_its_process_is_not_blamed_for_the_warm_life() -> None:
    with POOL.server(find_target(REMEMBERS), lambda: False) as server:
        base = recorded(server, REMEMBERS)
        warm = Warm(server, base.scenario)
        bench = Bench(base, server, warm)
        chosen = states(base.operations, "kill").distinct[-4:]
        outcomes = [judged.verdict.outcome for judged in bench.judge_all(chosen)]
        bench.close()
        warm.close()
    assert outcomes == ["pass"] * 4


def test_what_is_tried_comes_one_behind_and_a_sample_at_once() -> None:
    tried: list[str] = []

    def tries() -> Iterator[Tried]:
        for name in ("a", "b", "sample", "c", "d"):
            tried.append(name)
            yield Tried(name, sampled=name == "sample")

    came = [(one.name, tried[-1]) for one in one_behind(tries())]
    assert came == [("a", "b"), ("b", "sample"), ("sample", "sample"), ("c", "d"), ("d", "d")]


def test_a_state_is_judged_while_the_life_is_busy_with_the_next(
    base: Base, server: Server, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work: list[bool] = []
    asked: list[bool] = [False]
    ask = Life.ask

    def seen(life: Life, *arguments: Any) -> Any:
        asked[0] = True
        try:
            return ask(life, *arguments)
        finally:
            asked[0] = False

    def noted(record: Record, promises: Sequence[str] | None = None) -> Verdict:
        at_work.append(asked[0])
        return judge(record, promises)

    monkeypatch.setattr(Life, "ask", seen)
    monkeypatch.setattr(judging, "judge", noted)
    bench = Bench(base, server, warm)
    chosen = states(base.operations, "kill").distinct[::6]
    assert {verdict.outcome for verdict in bench.ask_all(chosen)} == {"pass"}
    bench.close()
    # After the last there is no other.
    assert at_work[:-1] == [True] * (len(at_work) - 1)
    assert at_work[-1] is False


def test_after_an_operation_that_failed_it_counts_what_was_done_since(
    base: Base, passed: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Record] = []

    def counted(record: Record, promises: Sequence[str] | None = None) -> Verdict:
        heard.append(record)
        return passed

    def record(*disk: tuple[str, str | None]) -> Record:
        record = Record(base.header)
        for kind, error in disk:
            told = {"operation": kind, "path": "log", "to": None, "offset": 0, "size": 1}
            record.add("disk", {**told, "error": error}, at_ns=0, life=1, turn=1)
        return record

    monkeypatch.setattr(judging, "judge", counted)
    passes = judging.Passes()
    kept, failed = ("write", None), ("fsync", "EIO")
    for each in (record(kept), record(kept, kept), record(failed), record(failed, kept)):
        assert passes.verdict(each, 0, 0) is passed
    assert [len(one.events) for one in heard] == [1, 1, 2]


@dataclass(frozen=True)
class Tried:
    name: str
    sampled: bool


def test_states_that_differ_in_nothing_a_check_looks_at_are_judged_once(
    base: Base, server: Server, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = states(base.operations, "posix").distinct
    heard: list[Verdict] = []

    def counted(record: Record, promises: Sequence[str] | None = None) -> Verdict:
        heard.append(judge(record, promises))
        return heard[-1]

    monkeypatch.setattr(judging, "judge", counted)
    bench = Bench(base, server, warm)
    verdicts = [judged.verdict for judged in bench.judge_all(chosen)]
    bench.close()
    assert {verdict.outcome for verdict in verdicts} == {"pass"}
    assert len(heard) < len(verdicts) == len(chosen)


def test_a_state_that_is_only_asked_hears_no_next_message_and_is_held_to_its_memory(
    base: Base, server: Server, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Record] = []

    def seen(record: Record, promises: Sequence[str] | None) -> Verdict:
        heard.append(record)
        return judge(record, promises)

    monkeypatch.setattr(judging, "judge", seen)
    bench = Bench(base, server, warm)
    every = states(base.operations, "kill").distinct
    assert [verdict.outcome for verdict in bench.ask_all(every)] == ["pass"] * len(every)
    bench.close()
    for record in heard:
        (crashed,) = record.of("crashed")
        kinds = [event.kind for event in record.events[crashed.n :]]
        assert {"opened", "history", "usage", "closed", "ended"} <= {*kinds}
        assert "user.received" not in kinds


def test_only_a_warm_life_is_asked_alone(base: Base, server: Server) -> None:
    bench = Bench(base, server)
    with pytest.raises(ValueError, match="only a warm life"):
        next(bench.ask_all(states(base.operations, "kill").distinct))
    bench.close()
