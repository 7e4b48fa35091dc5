"""What a state does to the target, judged: in a warm life first, in forks where it counts.

A state that ends well in the warm life has ended well; one that ends in any other way is played
again in fresh forks, and only what they say is told. So that the warm life hides nothing, one state
in `SAMPLE_EVERY` that ended well is played again in forks too. Where the two disagree about that
one, the process remembers more than its directory: every state it called good is taken back, and
all is played in forks from there on.

A pass is judged once for all states that differ in nothing a check looks at: the same conversation
before the crash, and the same events, at the same times, after it. What one state made of a warm
life is judged while the life is busy with the next: so the verdicts come one state later. In the
same time the state after that one is laid down, in a home of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import zip_longest
from pathlib import Path
from typing import Protocol, TypeVar

from harness.checks.judge import OF_MEMORY, judge
from harness.checks.verdict import Verdict
from harness.lab.crashes.base import Base, begin, is_silent
from harness.lab.crashes.warm import Warm
from harness.lab.runner import TURNS_AFTER_MAX, Midway, run
from harness.record import Event, Record
from harness.world.disk.lay_down import lay_down
from harness.world.disk.states import State
from harness.world.process import Server

SAMPLE_EVERY = 100
HOMES = 3
"""What one life left open is closed, perhaps by name, when the next has begun: on no new state."""
Told = Callable[[], Verdict]
"""A verdict that is worked out when it is first asked for."""
_OF_THE_PLACE = ("at", "tier", "where", "state")


@dataclass(frozen=True)
class Judged:
    """What came of the state of this number, that a crash before operation `at` leaves.

    `again`: it is known already, and this is to be taken instead. The state itself stays where it
    was judged: a worker that sent it along would copy all its files to its parent.
    """

    number: int
    at: int
    verdict: Verdict
    again: bool = False

    @classmethod
    def of(cls, left: State, verdict: Verdict, *, again: bool = False) -> Judged:
        """The verdict on a state."""
        return cls(left.number, left.at, verdict, again)


@dataclass(frozen=True)
class _Tried:
    """A state that a warm life went on from, `told` when it is first asked for, if there was one.

    One that is `sampled` is played again in forks.
    """

    left: State
    told: Told | None
    sampled: bool


@dataclass(frozen=True)
class _Laid:
    """A state as it lies in a home, the record of what came before, and where its case begins."""

    left: State
    home: Path
    record: Record
    midway: Midway


class _Sampled(Protocol):
    """What is tried in a warm life, and at times again in forks."""

    @property
    def sampled(self) -> bool:
        """Whether it is tried again in forks whatever comes of it."""
        ...


Try = TypeVar("Try", bound=_Sampled)


def one_behind(tries: Iterable[Try]) -> Iterator[Try]:
    """Each when the next has been tried, so that it was judged meanwhile; a sample at once.

    A sample takes forks, which wait for nothing.
    """
    before: Try | None = None
    for one in tries:
        if before is not None:
            yield before
        before = None if one.sampled else one
        if one.sampled:
            yield one
    if before is not None:
        yield before


class Bench:
    """Where states of one base are tried, on one server; without a warm life only in forks."""

    def __init__(self, base: Base, server: Server, warm: Warm | None = None) -> None:
        self._base = base
        self._server = server
        self._warm = warm
        self._homes = deque(Path(tempfile.mkdtemp(dir=server.root)) for _ in range(HOMES))
        """In turns: one is being left, in one the warm life is, in one the next state is laid."""
        self._ahead: _Laid | None = None
        self._passes = Passes()
        self._believed: list[State] = []

    def close(self) -> None:
        """Leave no directory."""
        for home in self._homes:
            shutil.rmtree(home, ignore_errors=True)

    def judge_all(self, chosen: Sequence[State]) -> Iterator[Judged]:
        """Each state's verdict, in order; corrections of earlier ones may come between."""
        tries = (self._try(*both, place) for place, both in enumerate(_and_the_next(chosen)))
        for tried in one_behind(tries):
            yield from self._settle(tried)

    def _try(self, left: State, following: State | None, place: int) -> _Tried:
        told = None if self._warm is None else self._in_the_warm_life(self._warm, left, following)
        return _Tried(left, told, place % SAMPLE_EVERY == 0)

    def _settle(self, tried: _Tried) -> Iterator[Judged]:
        """One state's verdict, and corrections where it shows that earlier ones were not true."""
        left = tried.left
        if tried.told is None or self._warm is None:
            yield Judged.of(left, self.in_forks(left))
            return
        verdict = tried.told()
        if verdict.outcome == "pass" and not tried.sampled:
            self._believed.append(left)
            yield Judged.of(left, verdict)
            return
        sure = self.in_forks(left)
        if verdict.outcome == "pass" and sure.outcome != "pass":
            self._warm = None
            for earlier in self._believed:
                yield Judged.of(earlier, self.in_forks(earlier), again=True)
        yield Judged.of(left, sure)

    def in_forks(self, left: State) -> Verdict:
        """The verdict of fresh processes."""
        with a_place(self._server) as home:
            return judge(crash_into(self._base, left, self._server, home))

    def ask_all(self, chosen: Sequence[State]) -> Iterator[Verdict]:
        """The warm life's word alone on what is remembered of each: nothing more is said to it."""
        if self._warm is None:
            raise ValueError("only a warm life is asked and not spoken to")
        warm = self._warm
        for tried in one_behind(
            _Tried(
                left, self._in_the_warm_life(warm, left, following, turns_after=0), sampled=False
            )
            for left, following in _and_the_next(chosen)
        ):
            if tried.told is not None:
                yield tried.told()

    def _in_the_warm_life(
        self,
        warm: Warm,
        left: State,
        following: State | None,
        turns_after: int = TURNS_AFTER_MAX,
    ) -> Told:
        laid = self._laid(left)
        record, before = laid.record, len(laid.record.events)
        if following is not None:
            self._server.meanwhile(partial(self._lay_ahead, following))
        warm.clock.begin_at(0)
        warm.is_spoken_to = bool(turns_after)
        run(
            self._base.scenario,
            record,
            self._server,
            laid.home,
            midway=laid.midway,
            clock=warm.clock,
            lives=warm.lives,
            turns_after=turns_after,
        )
        said = self._base.moment(left.at).said
        promises = None if turns_after else OF_MEMORY
        told = cache(partial(self._passes.verdict, record, before, said, promises))
        self._server.meanwhile(told)
        return told

    def _laid(self, left: State) -> _Laid:
        """A state where a life can be opened on it, laid down ahead or now."""
        ahead, self._ahead = self._ahead, None
        return ahead if ahead is not None and ahead.left is left else self._lay(left)

    def _lay_ahead(self, left: State) -> None:
        self._ahead = self._lay(left)

    def _lay(self, left: State) -> _Laid:
        self._homes.rotate()
        lay_down(left, self._homes[0])
        return _Laid(left, self._homes[0], *begin(self._base, left))


def _and_the_next(chosen: Sequence[State]) -> Iterator[tuple[State, State | None]]:
    """Each, with the one after it."""
    return zip_longest(chosen, chosen[1:])


class Passes:
    """What passed already, by all that a check looks at."""

    def __init__(self) -> None:
        self._known: dict[bytes, Verdict] = {}

    def verdict(
        self, record: Record, before: int, said: int, promises: Sequence[str] | None = None
    ) -> Verdict:
        """The verdict on a record; of the same as one that passed, that one's.

        All records told to one of these agree in their first `before` events, as far as `said` of
        them are the same number: that many a check may look at.
        """
        key = _what_counts(record, before, said, promises)
        known = None if key is None else self._known.get(key)
        if known is not None:
            return known
        verdict = judge(record, promises)
        if verdict.outcome == "pass" and key is not None:
            self._known[key] = verdict
        return verdict


def crash_into(
    base: Base, left: State, server: Server, home: Path, *, traced: bool = False
) -> Record:
    """Begin with that state, in forks: what came before, the crash, and what came after."""
    lay_down(left, home)
    record, midway = begin(base, left)
    run(base.scenario, record, server, home, midway=midway, traced=traced)
    return record


def _what_counts(
    record: Record, before: int, said: int, promises: Sequence[str] | None
) -> bytes | None:
    """The same for records that none of the promises tells apart, if it finds nothing in them.

    `said` is how many events before the crash a check may look at; the name of the crash only
    stands in messages. None where it cannot be said.
    """
    since = record.events[before:]
    # After an operation that failed it counts what was done since.
    failed = any(event.kind == "disk" and event.data["error"] for event in since)
    after = [
        (event.at_ns, event.life, event.turn, event.kind, _data(event))
        for event in since
        if failed or not is_silent(event)
    ]
    try:
        return hashlib.blake2b(
            marshal.dumps((said, after, promises is None)), digest_size=16
        ).digest()
    except ValueError:
        return None


def _data(event: Event) -> object:
    if event.kind == "crashed":
        return {key: said for key, said in event.data.items() if key not in _OF_THE_PLACE}
    return event.data


@contextlib.contextmanager
def a_place(server: Server) -> Iterator[Path]:
    """An empty directory of a server's, for a while."""
    home = Path(tempfile.mkdtemp(dir=server.root))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
