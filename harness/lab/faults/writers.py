"""Several processes on one session at once, each with a message of its own.

They take turns, so that a case plays the same every time: one runs up to its next crossing, then
the next one does. Where they are to switch at every disk operation as well, all of them are new
processes, whose system calls wait for their turn too: so what one has read may be old when it
writes. Which of them is let write is the target's business: a process that it turns away
is on record, and its message is sent again when all the others are done. One that waits in the
kernel for the others is passed over until it wakes; when nobody else is left, the first process
closes the session, and lets it in.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.lab.lives import Ground, Lives, Living, Over
from harness.lab.stage import Stage
from harness.scenario.plan import Turn
from harness.world.process import Life, Raised, Returned, Tracing
from harness.world.syscalls.filter import SLEEPS
from harness.world.syscalls.numbers import MACHINES
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Go, Trace
from harness.world.syscalls.rehearsal import choose

LOOKS = 5
"""So many times in a row must a process be found asleep, to be taken for one that waits."""
LOOK_S = 0.04
LULL_S = 0.1
"""Real seconds that a sleep may last, while nobody else can be let through."""
_ON_ITS_WAY = ("passed",)
"""Messages that a process does not wait for: it is still its turn."""
PATIENCE_S = 20.0
"""Real seconds that one may wait when nobody else is left to wait for."""


class _Turnstile:
    """Lets one through at a time, in a circle; who is asleep in the kernel is passed over."""

    def __init__(self, count: int) -> None:
        self.changed = threading.Condition()
        self.holder: int | None = None
        self.begun = False
        self.waiting = [False] * count
        self.over = [False] * count

    def enter(self, place: int) -> None:
        """Wait until it is this one's turn again."""
        with self.changed:
            if self.holder == place:
                self.pass_on(place)
            self.waiting[place] = True
            if self.begun and self.holder is None:
                self.holder = place
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.holder == place)
            self.waiting[place] = False

    def lull(self, place: int) -> None:
        """This one sleeps: give the others the time to come here, where they still run."""
        others = [other for other in range(len(self.over)) if other != place]
        with self.changed:
            self.changed.wait_for(
                lambda: (
                    any(self.waiting[other] for other in others)
                    or all(self.over[other] for other in others)
                ),
                LULL_S,
            )

    def begin(self) -> None:
        """Let the first one through, when all of them stand here."""
        with self.changed:
            self.changed.wait_for(lambda: all(self.waiting))
            self.begun, self.holder = True, 0
            self.changed.notify_all()

    def leave(self, place: int) -> None:
        """It is done for good."""
        with self.changed:
            self.over[place] = True
            if self.holder == place:
                self.pass_on(place)
            self.changed.notify_all()

    def pass_on(self, place: int) -> None:
        """The next one that waits here, in a circle; nobody where none does."""
        count = len(self.over)
        order = [(place + step) % count for step in range(1, count + 1)]
        self.holder = next((other for other in order if self.waiting[other]), None)
        self.changed.notify_all()


class _InTurns(Stage):
    """The stage as one of several processes sees it: each crossing waits for its turn."""

    turnstile: _Turnstile
    place: int

    def answer(self, call: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Answer one message of the life when it is its turn."""
        if call["call"] not in _ON_ITS_WAY:
            self.turnstile.enter(self.place)
        return super().answer(call)


class _Guest(Lives):
    """A further process: what it raises is that it was turned away."""

    def failed(self, kind: str, raised: Raised, **details: Any) -> None:
        """Put on record that it was not let write."""
        self.stage.record("writer.refused", error=raised.error, during=kind.split(".")[0])


class _Switching(_Guest):
    """A process that waits for its turn at each of its disk operations, too."""

    stage: _InTurns

    def begin(self, ground: Ground, order: Mapping[str, Any], tracing: Tracing | None) -> Living:
        """A fork whose calls are held up; what they come to is not kept.

        So are its sleeps: a database that waits for another's lock looks again at its next turn.
        """
        told = choose().fidelity == "python"
        trace, advance = Trace.of(ground.home), ground.clock.advance
        gate = Tracing(trace, self._decide, advance, told, self._sleep)
        return Life(ground.server, ground.clock, order, gate)

    def _decide(self, _operation: Operation) -> Decision:
        self.stage.turnstile.enter(self.stage.place)
        return Go()

    def _sleep(self) -> None:
        self.stage.turnstile.lull(self.stage.place)
        self.stage.turnstile.enter(self.stage.place)


def write_together(
    turns: Sequence[Turn], lives: Lives, stage: Stage, *, at_operations: bool = False
) -> list[Turn]:
    """Send all these messages at once, the first from the process that is open; who is left over.

    With `at_operations` that one is let go first, and one that can be held up takes its place.
    When it returns, all these processes are gone, and a new one has been opened on what is left.
    """
    if at_operations:
        lives.leave()
    together = _Together(turns, lives, stage, at_operations)
    stage.record("writers", turns=[turn.number for turn in turns])
    together.run()
    stage.turn = turns[0].number
    stage.life += len(together.guests)
    stage.record("writers.over")
    lives.reopen()
    return [turn for turn, done in zip(turns, together.answered, strict=True) if not done]


class _Together:
    def __init__(
        self, turns: Sequence[Turn], lives: Lives, stage: Stage, at_operations: bool
    ) -> None:
        count = len(turns)
        self.turns = turns
        self.turnstile = _Turnstile(count)
        self.answered = [False] * count
        self.errors: list[BaseException] = []
        self.guests = range(0 if at_operations else 1, count)
        self._host = lives
        self._own_stage = stage
        self._stages = [self._view(stage, place) for place in range(count)]
        kind = _Switching if at_operations else _Guest
        self.lives: list[Lives] = [] if at_operations else [lives]
        self.lives += [kind(lives.ground, self._stages[place], None) for place in self.guests]

    def run(self) -> None:
        """All of them, to their ends."""
        if 0 not in self.guests:
            self._host.stage = self._stages[0]
        threads = [
            threading.Thread(target=self._work, args=(place,), daemon=True)
            for place in range(len(self.turns))
        ]
        for thread in threads:
            thread.start()
        try:
            self.turnstile.begin()
            self._watch(threads)
        finally:
            self._host.stage = self._own_stage
        if self.errors:
            raise self.errors[0]

    def _view(self, stage: Stage, place: int) -> _InTurns:
        view = stage.beside(_InTurns)
        view.turnstile, view.place = self.turnstile, place
        view.turn = self.turns[place].number
        if place in self.guests:
            # Opening makes it one more.
            view.life += self.guests.index(place)
        return view

    def _work(self, place: int) -> None:
        try:
            self._write(place)
        except Over:
            if place == 0 or self._stages[place].limit_hit:
                self.errors.append(Over())
        except BaseException as error:  # noqa: BLE001 - raised again in the runner's own thread
            self.errors.append(error)
        finally:
            if place:
                self.lives[place].kill()
            self.turnstile.leave(place)

    def _write(self, place: int) -> None:
        """Open, where it is not yet, and send."""
        turn, lives, stage = self.turns[place], self.lives[place], self._stages[place]
        self.turnstile.enter(place)
        if place in self.guests and not lives.open():
            return
        said = {"message_id": turn.message_id, "text": turn.user}
        stage.record("user.received", said, sending=1)
        outcome = lives.ask("send", **said)
        self.turnstile.enter(place)
        if isinstance(outcome, Raised):
            stage.record("writer.refused", error=outcome.error, during="send")
        elif isinstance(outcome, Returned):
            answer = {"message_id": turn.message_id, "text": outcome.value}
            stage.record("reply.returned", answer)
            stage.record("reply.delivered", answer)
            self.answered[place] = True
        if place:
            lives.leave()

    def _watch(self, threads: Sequence[threading.Thread]) -> None:
        """Pass over whoever is asleep; at the end, let the first process go."""
        asleep = alone = 0
        left = False
        while any(thread.is_alive() for thread in threads):
            with self.turnstile.changed:
                self.turnstile.changed.wait(LOOK_S)
                holder = self.turnstile.holder
                stuck = holder is not None and not self.turnstile.waiting[holder]
                asleep = asleep + 1 if stuck and _sleeps(self.lives[holder or 0].pid) else 0
                if asleep >= LOOKS and holder is not None:
                    self.turnstile.pass_on(holder)
                    asleep = 0
            others = self.turnstile.holder is None
            alone = alone + 1 if others else 0
            if others and self.turnstile.over[0] and not left:
                left = True
                self.lives[0].leave()
            elif alone * LOOK_S > PATIENCE_S:
                message = f"{len(threads)} processes on one session wait without end"
                self._own_stage.record("limit", bound="real_time", value=0, message=message)
                for lives in self.lives:
                    lives.strike()
                raise Over
        if not left:
            self.lives[0].leave()


def _sleeps(pid: int | None) -> bool:
    """Whether every thread of a process sleeps and none of them waits for us, or it is gone."""
    if pid is None:
        return False
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        states = [
            (task / "stat").read_text("ascii").rpartition(")")[2].split()[0] for task in threads
        ]
        calls = [(task / "syscall").read_text("ascii").split()[0] for task in threads]
    except OSError:
        return False
    return all(state == "S" for state in states) and not set(calls) & _ANSWERED


def _answered() -> frozenset[str]:
    """The calls in which a process waits for our answer: it reads from us, or is trapped."""
    numbers = MACHINES[platform.machine()].numbers if platform.machine() in MACHINES else {}
    trapped = {number for name, number in numbers.items() if name not in SLEEPS}
    return frozenset(map(str, trapped | _RECEIVES.get(platform.machine(), set())))


_RECEIVES = {"x86_64": {45, 47}, "aarch64": {207, 212}}
"""The numbers of recvfrom and recvmsg."""
_ANSWERED = _answered()
