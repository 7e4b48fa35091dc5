"""The runner: the only loop there is. Plays one case from its first line to its last.

It speaks the user's lines, waits when the script waits, kills where the script says, opens the
target again on what is left, asks what it remembers, and sends again what was never acknowledged.
It judges nothing: everything it sees goes into the record. What a turn is stands in `turn.py`, what
a life is in `lives.py`, what a life's messages meet in `stage.py`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.channel import Hangup
from harness.lab.faults.deaths import needs_recorder, scripted_deaths
from harness.lab.faults.failures import DiskError, scripted_failures
from harness.lab.faults.neighbours import call_in
from harness.lab.faults.redelivery import deliver_again
from harness.lab.faults.writers import write_together
from harness.lab.lives import Ground, Lives, Over
from harness.lab.stage import Stage
from harness.lab.turn import enter, take
from harness.model.mock import MockModel
from harness.record import Record
from harness.report.folder import Keep
from harness.scenario.faults import Writer
from harness.scenario.plan import Plan, Turn, plan
from harness.scenario.schema import Scenario
from harness.scenario.units import UNITS_NS, format_jump
from harness.world.clock import VirtualClock
from harness.world.disk.choices import Tier
from harness.world.process import Server, Stopped, Tracing
from harness.world.syscalls.recorder import Trace
from harness.world.syscalls.rehearsal import choose
from harness.world.tools import Effect, ToolShed

TURNS_AFTER_MAX = 2
"""A case that begins with a crash goes on for at most so many turns."""

FRAMES_SHOWN = 6
"""Frames of an error of the harness that are put on record."""

__all__ = ["Midway", "broken", "model_of", "run", "settings_of"]


@dataclass(frozen=True)
class Midway:
    """A case that begins with a crash: the world as it was then, and where the script stood.

    The record given with it holds what happened before. `index` is the turn to take next (from 0);
    it is `in_flight` when its message had been received `sending` times and not answered. It is
    not the first of its crashes where `crashes` lie behind it; `recovered` is then what one
    recovery without this crash remembers, where this crash falls into a recovery. So many `lives`
    and `requests` there were, and so wrong was the machine's clock.
    """

    model: MockModel
    effects: Sequence[Effect]
    elapsed_ns: int
    index: int
    in_flight: bool
    sending: int
    turn: int | None
    at: str
    tier: Tier
    state: str
    crashes: int = 0
    recovered: Mapping[str, Any] | None = None
    lives: int = 0
    requests: int = 0
    wrong_by_ns: int = 0


LivesOf = Callable[[Ground, Stage, Tracing | None], Lives]


def run(
    scenario: Scenario,
    record: Record,
    server: Server,
    home: Path,
    keep: Keep | None = None,
    *,
    model: MockModel | None = None,
    traced: bool = False,
    midway: Midway | None = None,
    failing: DiskError | None = None,
    clock: VirtualClock | None = None,
    lives: LivesOf = Lives,
    turns_after: int = TURNS_AFTER_MAX,
) -> Trace | None:
    """Play a case into its record; the home directory must exist, and be empty but for `midway`.

    `model` is made from the scenario if left out. `traced`, or a fault of the disk, has every disk
    operation recorded, and the trace is returned. With `midway` the case begins with that crash and
    goes on until the model has answered a turn; then it is killed and opened once more, to see that
    the first turn after a recovery lasts (not where it is `traced`). With `failing` one disk
    operation fails, and at the end the power is cut. `clock` is one of the caller's, to begin at 0;
    `lives` makes the case's lives, forked ones unless told otherwise. With `turns_after` 0 a case
    that begins with a crash is opened, asked what it remembers, and closed.
    """
    if model is None:
        model = midway.model if midway is not None else model_of(scenario, record.header.seed)
    hand = VirtualClock(scenario.clock.start) if clock is None else clock
    player = _Player(scenario, record, server, home, keep, model, traced, hand, lives)
    player.stage.disk_error = failing
    try:
        if midway is None:
            player.play()
        else:
            player.play_on(midway, turns_after, once=traced or not turns_after)
    except Over:
        pass
    except (Stopped, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - a harness that breaks is invalid, never a pass
        player.stage.record("broke", broken(error))
    finally:
        player.lives.end()
        if clock is None:
            hand.close()
    return player.lives.trace


class _Player:
    def __init__(
        self,
        scenario: Scenario,
        record: Record,
        server: Server,
        home: Path,
        keep: Keep | None,
        model: MockModel,
        traced: bool,
        clock: VirtualClock,
        lives: LivesOf,
    ) -> None:
        seed, faults = record.header.seed, scenario.faults
        self._record = record
        self._faults = faults
        self._plan: Plan = plan(scenario, seed)
        self._clock = clock
        self._model = model
        self._shed = shed = ToolShed(scenario.tools)
        deaths, failures = scripted_deaths(faults), scripted_failures(faults)
        self.stage = Stage(record, self._clock, model, shed, deaths, failures, self._plan)
        self.stage.counts_reads = scenario.expect.bytes_read_per_turn is not None
        tracing = None
        if traced or needs_recorder(faults):
            told = choose().fidelity == "python"
            tracing = Tracing(Trace.of(home), self.stage.decide, self._clock.advance, told)
        order = {"home": str(home), "seed": seed, "tools": shed.describe()}
        self._ground = Ground(
            server, self._clock, home, scenario.session, order, settings_of(scenario), keep
        )
        self.lives = lives(self._ground, self.stage, tracing)

    def play(self) -> None:
        if not self.lives.open():
            self.lives.reopen()
        turns = list(self._plan.turns)
        while turns:
            turn = turns.pop(0)
            self._wait(turn.pause_ns)
            self._deliver_again(turn.number)
            enter(turn.number, self.lives, self.stage, self._clock)
            self._set_clock(turn.number)
            self._damage(turn.number)
            self._call_neighbours(turn.number)
            writer = self._writer(turn.number)
            if writer is None:
                self._take(turn)
            else:
                together = [turn, *(turns.pop(0) for _ in range(writer.sessions - 1))]
                finely = writer.switch == "operation"
                rest = write_together(together, self.lives, self.stage, at_operations=finely)
                for left in rest:
                    enter(left.number, self.lives, self.stage, self._clock)
                    self._take(left, 1)
            self.stage.turn = None
        self._clock.deadline_ns = None
        self._wait(self._plan.tail_ns)
        if self.stage.disk_error is not None:
            self.lives.cut_power("the end", "ext4")
        self.lives.finish()

    def play_on(self, midway: Midway, turns_after: int, once: bool) -> None:
        self._clock.advance(midway.elapsed_ns)
        self._clock.set_wall(midway.wrong_by_ns)
        self._shed.effects.extend(midway.effects)
        self.stage.go_on(midway.lives, midway.requests)
        enter(midway.turn, self.lives, self.stage, self._clock)
        self.lives.crashes = midway.crashes
        if midway.recovered is not None:
            self.stage.record("recovered", midway.recovered)
        self.lives.crashed(
            at=midway.at, tier=midway.tier, fault=None, where=None, state=midway.state
        )
        self.lives.reopen()
        sending = midway.sending if midway.in_flight else 0
        for turn in self._plan.turns[midway.index : midway.index + turns_after]:
            if not sending:
                self.stage.turn = None
                self._wait(turn.pause_ns)
            asked = len(self._model.ledger)
            enter(turn.number, self.lives, self.stage, self._clock)
            if not sending:
                self._set_clock(turn.number)
            self._take(turn, sending)
            sending = 0
            if len(self._model.ledger) > asked:
                break
        self.stage.turn = None
        if not once:
            self.lives.kill()
            self.lives.crashed(at="the end", tier="kill", fault=None, where=None)
            self.lives.reopen()
        self._clock.deadline_ns = None
        self.lives.finish(remembered=not once or not turns_after)

    def _wait(self, duration_ns: int) -> None:
        if duration_ns:
            self._clock.advance(duration_ns)
            self.stage.record("waited", ns=duration_ns)

    def _writer(self, turn: int) -> Writer | None:
        """Whether several processes write from this turn on; a recorder can watch one only."""
        for index, fault in enumerate(self._faults):
            if fault.writer is not None and fault.writer.turn == turn and self.lives.trace is None:
                self.stage.fire(index, f"{fault.writer.sessions} processes on one session")
                return fault.writer
        return None

    def _set_clock(self, turn: int) -> None:
        """Set the machine's clock wrong, where the script wants that before this turn."""
        for index, fault in enumerate(self._faults):
            if fault.clock is not None and fault.clock.turn == turn:
                self._clock.set_wall(fault.clock.jump)
                self.stage.record("clock.set", ns=fault.clock.jump)
                self.stage.fire(index, f"the clock was set by {format_jump(fault.clock.jump)}")

    def _call_neighbours(self, turn: int) -> None:
        """Let others speak in their own sessions, where the script wants that before this turn."""
        for index, fault in enumerate(self._faults):
            who = fault.neighbour
            # A recorded home can be explained by one process at a time only.
            if who is not None and who.turn == turn and self.lives.trace is None:
                self.stage.record("neighbour", call_in(who, self.lives, self._model))
                self.stage.fire(index, f"session {who.session} spoke")

    def _deliver_again(self, turn: int) -> None:
        """Let old messages arrive once more, where the script wants that before this turn."""
        for index, fault in enumerate(self._faults):
            old = fault.redelivery
            # A store knows no ids: what comes to it again is another message.
            if old is not None and old.turn == turn and not self.stage.remembers_only:
                enter(old.of, self.lives, self.stage, self._clock)
                self.stage.fire(index, f"turn {old.of}'s message arrived once more")
                deliver_again(self._plan.turn(old.of), self.lives, self.stage)

    def _damage(self, turn: int) -> None:
        """Spoil a file, where the script wants that before this turn."""
        for index, fault in enumerate(self._faults):
            if fault.damage is not None and fault.damage.turn == turn:
                self.lives.damage(index, fault.damage)

    def _take(self, turn: Turn, sending: int = 0) -> None:
        """One turn; what lay there before it and after is kept, where there was a crash in it."""
        keep, home = self._ground.keep, self._ground.home
        if keep is None:
            take(turn, self.lives, self.stage, self._clock, sending)
            return
        keep.copy(home, f"turn-{turn.number}-before")
        if not take(turn, self.lives, self.stage, self._clock, sending):
            return
        if self.lives.this_turn:
            keep.copy(home, f"turn-{turn.number}-after-resume")
        else:
            keep.drop(f"turn-{turn.number}-before")


def broken(error: Exception) -> Mapping[str, object]:
    """What a `broke` event says of an error of the harness: error, and the frames that led to it,
    the innermost last."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_SHOWN:]
    trace = [f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames]
    gone = "the warm server has gone; the target may have ended it"
    words = gone if isinstance(error, Hangup) else error
    return {"error": f"{type(error).__name__}: {words}", "trace": trace}


def model_of(scenario: Scenario, seed: int) -> MockModel:
    """The mock Claude of a scenario."""
    faults = tuple(enumerate(scenario.faults))
    return MockModel(plan(scenario, seed), model=scenario.model, faults=faults, seed=seed)


def settings_of(scenario: Scenario) -> Mapping[str, Any]:
    """What the target is handed: its `stack` settings and the model's name."""
    stack = scenario.stack
    told = stack.model_dump(exclude_none=True, exclude_defaults=True, exclude={"expire_after"})
    if stack.expire_after is not None:
        told["expire_after_s"] = stack.expire_after / UNITS_NS["s"]
    return {**told, "model": scenario.model.name}
