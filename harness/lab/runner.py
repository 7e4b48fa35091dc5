"""The runner: the only loop there is. Plays one case from its first line to its last.

It speaks the user's lines, waits when the script waits, kills where the script says, opens the
target again on what is left, asks what it remembers, and sends again what was never acknowledged.
It judges nothing: everything it sees goes into the record.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.lab.crashes.power import power_cut
from harness.lab.stage import Stage, needs_recorder, scripted_deaths, scripted_failures
from harness.model.mock import MockModel
from harness.record import Record
from harness.scenario.plan import Plan, Turn, plan
from harness.scenario.schema import Scenario
from harness.scenario.units import UNITS_NS
from harness.world.clock import VirtualClock
from harness.world.disk.choices import Tier
from harness.world.process import (
    Died,
    Hung,
    Killed,
    Life,
    Outcome,
    Raised,
    Returned,
    Server,
    Stopped,
    Tracing,
    Untraceable,
)
from harness.world.syscalls.recorder import Trace
from harness.world.tools import Effect, ToolShed

SESSION_ID = "session-1"
FAILURES_PER_TURN_MAX = 3
LIVES_PER_TURN_MAX = 32
PATIENCE_NS = 60 * UNITS_NS["s"]
"""How long the user waits before sending a failed message again."""
TURN_LIMIT_NS = 48 * UNITS_NS["h"]


@dataclass(frozen=True)
class Keep:
    """Where to keep the directory as it was before and after each crash, and after the resume."""

    folder: Path

    def copy(self, home: Path, name: str) -> None:
        """Keep it under this name."""
        shutil.copytree(home, self.folder / name, dirs_exist_ok=True, symlinks=True)


@dataclass(frozen=True)
class Midway:
    """A case that begins with a crash: the world as it was then, and where the script stood.

    The record given with it holds what happened before. `index` is the turn to take next (from 0);
    it is `in_flight` when its message had been received `sending` times and not answered.
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


class _Over(Exception):
    """The target cannot go on; the record says why."""


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
) -> Trace | None:
    """Play a case into its record; the home directory must exist, and be empty but for `midway`.

    `model` is made from the scenario if left out. `traced`, or a fault of the disk, has every disk
    operation recorded, and the trace is returned. With `midway` the case begins with that crash
    and goes on for two turns: the one in flight, and one to see that appending works.
    """
    if model is None:
        model = midway.model if midway is not None else model_of(scenario, record.header.seed)
    player = _Player(scenario, record, server, home, keep, model, traced)
    try:
        if midway is None:
            player.play()
        else:
            player.play_on(midway)
    except _Over:
        pass
    except (Stopped, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - a harness that breaks is invalid, never a pass
        trace = [str(frame) for frame in traceback.extract_tb(error.__traceback__)[-6:]]
        player.stage.record("broke", error=f"{type(error).__name__}: {error}", trace=trace)
    finally:
        player.close()
    return player.trace


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
    ) -> None:
        self._seed = record.header.seed
        self._plan: Plan = plan(scenario, self._seed)
        self._clock = VirtualClock(scenario.clock.start)
        self._shed = shed = ToolShed(scenario.tools)
        deaths = scripted_deaths(scenario.faults)
        failures = scripted_failures(scenario.faults)
        self.stage = Stage(record, self._clock, model, shed, deaths, failures)
        self._tracing: Tracing | None = None
        if traced or needs_recorder(scenario.faults):
            trace = Trace.of(home)
            self._tracing = Tracing(trace, self.stage.decide, self._clock.advance)
        self._server = server
        self._order = {"home": str(home), "seed": self._seed, "tools": shed.describe()}
        self._settings = settings_of(scenario)
        self._home = home
        self._keep = keep
        self._life: Life | None = None
        self._crashes = 0
        self._lives_this_turn = 0
        self._capabilities: list[str] = []

    @property
    def trace(self) -> Trace | None:
        """What was done to the disk, where that was recorded."""
        return None if self._tracing is None else self._tracing.trace

    def play(self) -> None:
        self._open()
        for turn in self._plan.turns:
            self._wait(turn.pause_ns)
            self._enter(turn.number)
            self._take(turn)
            self.stage.turn = None
        self._clock.deadline_ns = None
        self._wait(self._plan.tail_ns)
        self._finish()

    def play_on(self, midway: Midway) -> None:
        self._clock.advance(midway.elapsed_ns)
        self._shed.effects.extend(midway.effects)
        self.stage.go_on()
        self._enter(midway.turn)
        self._crashes = 1
        self.stage.record(
            "crashed",
            at=midway.at,
            tier=midway.tier,
            crash=1,
            fault=None,
            where=None,
            state=midway.state,
        )
        self._reopen()
        sending = midway.sending if midway.in_flight else 0
        for turn in self._plan.turns[midway.index : midway.index + 2]:
            if not sending:
                self.stage.turn = None
                self._wait(turn.pause_ns)
            self._enter(turn.number)
            self._take(turn, sending)
            sending = 0
        self.stage.turn = None
        self._clock.deadline_ns = None
        self._finish()

    def _enter(self, turn: int | None) -> None:
        self.stage.turn = turn
        self._lives_this_turn = 0
        self._clock.deadline_ns = self._clock.elapsed_ns + TURN_LIMIT_NS

    def close(self) -> None:
        if self._life is not None:
            self._life.kill()
        self._clock.close()

    def _wait(self, duration_ns: int) -> None:
        if duration_ns:
            self._clock.advance(duration_ns)
            self.stage.record("waited", ns=duration_ns)

    def _take(self, turn: Turn, sending: int = 0) -> None:
        """One user message, sent until it is answered or given up."""
        failures = 0
        if self._keep is not None:
            self._keep.copy(self._home, f"turn-{turn.number}-before")
        while failures < FAILURES_PER_TURN_MAX:
            sending += 1
            if self.stage.dies_at("user.received"):
                self._crash(None)
                self._reopen()
                continue
            self.stage.record(
                "user.received", message_id=turn.message_id, text=turn.user, sending=sending
            )
            outcome = self._ask("send", message_id=turn.message_id, text=turn.user)
            if isinstance(outcome, Returned):
                said = {"message_id": turn.message_id, "text": outcome.value}
                self.stage.record("reply.returned", **said)
                if not self.stage.dies_at("reply.delivered"):
                    self.stage.record("reply.delivered", **said)
                    self._kept_after(turn)
                    return
                self._crash(None)
                self._reopen()
            elif isinstance(outcome, Raised):
                failures += 1
                self._failed("send.failed", outcome, message_id=turn.message_id)
                self._clock.advance(PATIENCE_NS)
            elif isinstance(outcome, Died):
                failures += 1
                self._reopen()
            else:
                self._reopen()

    def _kept_after(self, turn: Turn) -> None:
        if self._keep is None:
            return
        if self._lives_this_turn:
            self._keep.copy(self._home, f"turn-{turn.number}-after-resume")
        else:
            shutil.rmtree(self._keep.folder / f"turn-{turn.number}-before")

    def _finish(self) -> None:
        self._remember(final=True)
        if "usage" in self._capabilities:
            outcome = self._ask("usage")
            if isinstance(outcome, Returned):
                self.stage.record("usage", **outcome.value)
        outcome = self._ask("close")
        if isinstance(outcome, Raised):
            self._failed("close.failed", outcome)
        elif isinstance(outcome, Returned):
            self.stage.record("closed")
        if self._life is not None:
            self._life.quit()
        self.stage.record("ended")

    def _reopen(self) -> None:
        """A new life on what is left; it may die on the way up, and then there is another."""
        while True:
            self._lives_this_turn += 1
            if self._lives_this_turn > LIVES_PER_TURN_MAX:
                message = f"more than {LIVES_PER_TURN_MAX} lives for one user message"
                self.stage.record(
                    "limit", bound="lives_per_turn", value=LIVES_PER_TURN_MAX, message=message
                )
                raise _Over
            if self._open() and self._remember() and self._resume():
                return

    def _open(self) -> bool:
        """Fork and open; False where it was killed meanwhile."""
        self.stage.life += 1
        order = {**self._order, "life": self.stage.life}
        self._life = Life(self._server, self._clock, order, self._tracing)
        self.stage.record("life.started")
        outcome = self._ask("open", session_id=SESSION_ID, settings=self._settings)
        if isinstance(outcome, Returned):
            self._capabilities = outcome.value["capabilities"]
            self.stage.record("opened", **outcome.value)
            return True
        if isinstance(outcome, Killed):
            return False
        if isinstance(outcome, Raised):
            self._failed("open.failed", outcome)
        raise _Over

    def _remember(self, final: bool = False) -> bool:
        """Ask for the history and the checkpoint."""
        crash = None if final else self._crashes
        outcome = self._ask("history")
        if isinstance(outcome, Raised):
            self._failed("history.failed", outcome)
            raise _Over
        if not isinstance(outcome, Returned):
            return self._killed_only(outcome)
        self.stage.record("history", messages=outcome.value, after_crash=crash, final=final)
        if "checkpoint" not in self._capabilities:
            return True
        outcome = self._ask("checkpoint")
        if isinstance(outcome, Raised):
            self._failed("history.failed", outcome)
            raise _Over
        if not isinstance(outcome, Returned):
            return self._killed_only(outcome)
        found = outcome.value or {"turn_number": None, "tool_state": None}
        self.stage.record("checkpoint", **found, after_crash=crash)
        return True

    def _resume(self) -> bool:
        if "resume" not in self._capabilities:
            return True
        outcome = self._ask("resume")
        if isinstance(outcome, Raised):
            # The message itself is sent again next: that may still be answered.
            self._failed("resume.failed", outcome)
            return True
        if not isinstance(outcome, Returned):
            return self._killed_only(outcome)
        self.stage.record("resumed", answer=outcome.value, after_crash=self._crashes)
        return True

    def _killed_only(self, outcome: Outcome) -> bool:
        if isinstance(outcome, Killed):
            return False
        raise _Over

    def _ask(self, do: str, **details: Any) -> Outcome:
        """One command; whatever ends the life is on record when this returns."""
        if self._life is None:
            raise RuntimeError("no life is open")
        outcome = self._life.ask({"do": do, **details}, self.stage.answer)
        if isinstance(outcome, Killed):
            if self.stage.limit_hit:
                raise _Over
            self._crash(outcome.where)
        elif isinstance(outcome, Died):
            self.stage.record("died", status=outcome.status, stderr=outcome.output, during=do)
        elif isinstance(outcome, Untraceable):
            raise RuntimeError(f"the disk recorder does not work here: {outcome.why}")
        elif isinstance(outcome, Hung):
            self.stage.record(
                "limit", bound="real_time", value=0, message=f"{do}() gave no sign of life"
            )
            raise _Over
        return outcome

    def _crash(self, where: str | None) -> None:
        """Put a scripted death on record; the process is dead, or idle and dies here."""
        death = self.stage.dying
        if death is None or self._life is None:
            raise RuntimeError("nobody asked for this death")
        self._life.kill()
        if death.tier != "kill" and self._tracing is not None:
            self._tracing = power_cut(self._tracing, self._home, death.tier, death.state)
        self._crashes += 1
        self.stage.dying = None
        self.stage.fire(death.fault, f"killed at {death.at}")
        self.stage.record(
            "crashed",
            at=death.at,
            tier=death.tier,
            crash=self._crashes,
            fault=death.fault,
            where=where,
        )
        if self._keep is not None:
            self._keep.copy(self._home, f"crash-{self._crashes}-after")

    def _failed(self, kind: str, raised: Raised, **details: Any) -> None:
        self.stage.record(kind, error=raised.error, trace=raised.trace, **details)


def model_of(scenario: Scenario, seed: int) -> MockModel:
    """The mock Claude of a scenario."""
    faults = tuple(enumerate(scenario.faults))
    return MockModel(plan(scenario, seed), model=scenario.model, faults=faults, seed=seed)


def settings_of(scenario: Scenario) -> Mapping[str, Any]:
    """What the target is handed: its `stack` settings and the model's name."""
    return {
        **scenario.stack.model_dump(exclude_none=True, exclude_defaults=True),
        "model": scenario.model.name,
    }
