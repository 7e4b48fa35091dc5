"""Lives: one process of the target after the other, on the same directory.

Each command to a life goes through `ask`; whatever ends the life is on record when that returns. A
life that was killed is followed by another on what is left, which is asked what it remembers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.lab.faults.damage import spoil
from harness.lab.faults.power import power_cut, set_back
from harness.lab.stage import Stage
from harness.lab.watch import Watch
from harness.report.folder import Keep
from harness.scenario.faults import Damage
from harness.scenario.units import UNITS_NS
from harness.world.clock import VirtualClock
from harness.world.disk.choices import Tier
from harness.world.outcome import HANG_LIMIT
from harness.world.process import (
    Answer,
    Died,
    Hung,
    Killed,
    Life,
    Outcome,
    Raised,
    Returned,
    Server,
    Tracing,
    Untraceable,
)
from harness.world.syscalls.recorder import Trace

LIVES_PER_TURN_MAX = 32
PATIENCE_NS = 60 * UNITS_NS["s"]
"""How long the user waits before trying again what failed."""


class Over(Exception):
    """The target cannot go on; the record says why."""


@dataclass(frozen=True)
class Ground:
    """What every life of a case stands on: its server, its directory, what it is handed."""

    server: Server
    clock: VirtualClock
    home: Path
    session_id: str
    order: Mapping[str, Any]
    settings: Mapping[str, Any]
    keep: Keep | None


class Living(Protocol):
    """A process of the target, as a case sees it."""

    @property
    def said_something(self) -> bool:
        """Whether it has written anything to its standard output or error."""
        ...

    def ask(self, command: Mapping[str, Any], answer: Answer) -> Outcome:
        """Give one command and answer what it calls meanwhile."""
        ...

    def kill(self) -> None:
        """SIGKILL, now."""
        ...

    def quit(self) -> None:
        """Let it go in peace."""
        ...


class Lives:
    """The lives of one case. `this_turn` counts those begun again for one user message.

    `forks`: whether a second process shows after each crash what else it might have done (P3).
    """

    forks = True

    def __init__(self, ground: Ground, stage: Stage, tracing: Tracing | None) -> None:
        self.crashes = 0
        self.this_turn = 0
        self.ground = ground
        self.stage = stage
        self._guard = Watch(ground.home, stage)
        self._watch(tracing)
        self._life: Living | None = None
        self._capabilities: list[str] = []
        self.recalls = False
        """Whether what is opened next is asked right away what it remembers."""

    @property
    def trace(self) -> Trace | None:
        """What was done to the disk, where that was recorded."""
        return None if self._tracing is None else self._tracing.trace

    def _watch(self, tracing: Tracing | None) -> None:
        """Record into this trace from now on."""
        self._tracing = tracing
        self.stage.operations = () if tracing is None else tracing.trace.operations

    def open(self, *, recalls: bool = False) -> bool:
        """Fork and open; False where it was killed meanwhile.

        `recalls`: the next that it is asked is what it remembers, and whether it goes on by itself.
        """
        self.recalls = recalls
        self.stage.life += 1
        order = {**self.ground.order, "life": self.stage.life}
        self._life = self.begin(self.ground, order, self._tracing)
        self.stage.record("life.started")
        outcome = self.ask("open", session_id=self.ground.session_id, settings=self.ground.settings)
        if isinstance(outcome, Returned):
            self._capabilities = self.stage.capabilities = outcome.value["capabilities"]
            self.stage.remembers_only = outcome.value["store"]
            self._guard.private = outcome.value["private_modes"]
            self.stage.record("opened", **outcome.value)
            return True
        if isinstance(outcome, Killed):
            return False
        if isinstance(outcome, Raised):
            self.failed("open.failed", outcome)
            if self.stage.met_disk_error:
                # The user reads the message, makes room, and starts it again.
                self.kill_now()
                self.ground.clock.advance(PATIENCE_NS)
                return self.open(recalls=recalls)
        raise Over

    def begin(self, ground: Ground, order: Mapping[str, Any], tracing: Tracing | None) -> Living:
        """Where a life comes from: a fork of the warm server."""
        return Life(ground.server, ground.clock, order, tracing)

    def reopen(self) -> None:
        """A new life on what is left; it may die on the way up, and then there is another."""
        while True:
            self.this_turn += 1
            if self.this_turn > LIVES_PER_TURN_MAX:
                message = f"more than {LIVES_PER_TURN_MAX} lives for one user message"
                self.stage.record(
                    "limit", bound="lives_per_turn", value=LIVES_PER_TURN_MAX, message=message
                )
                raise Over
            if self.open(recalls=True) and self._remember() and self._resume():
                return

    def ask(self, do: str, **details: Any) -> Outcome:
        """One command; whatever ends the life is on record when this returns."""
        if self._life is None:
            raise RuntimeError("no life is open")
        outcome = self._life.ask({"do": do, **details}, self.stage.answer)
        self._guard.after_command(self.trace)
        self.stage.call_over()
        if isinstance(outcome, Killed):
            if self.stage.limit_hit:
                self.stage.tell_limit(outcome.where)
                raise Over
            self.crash(outcome.where)
        elif isinstance(outcome, Died):
            self.stage.record("died", status=outcome.status, stderr=outcome.output, during=do)
        elif isinstance(outcome, Untraceable):
            raise RuntimeError(f"the disk recorder does not work here: {outcome.why}")
        elif isinstance(outcome, Hung):
            self._hung(do, outcome)
            raise Over
        return outcome

    def crash(self, where: str | None) -> None:
        """Put a scripted death on record; the process is dead, or idle and dies here."""
        death = self.stage.dying
        if death is None or self._life is None:
            raise RuntimeError("nobody asked for this death")
        self._life.kill()
        ground, tracing = self.ground, self._tracing
        if tracing is not None and death.stored:
            last = tracing.trace.operations[(death.operations or 0) - 1]
            where = f"{last.kind} {last.to or last.path}"
        self._guard.after_life()
        if tracing is not None and (death.tier != "kill" or death.operations is not None):
            self._guard.at_the_end(self.trace)
        if tracing is not None and death.tier != "kill":
            self._watch(power_cut(tracing, ground.home, death.tier, death.state, death.operations))
        elif tracing is not None and death.operations is not None:
            self._watch(set_back(tracing, ground.home, death.operations))
        self.stage.dying = None
        self.stage.fire(death.fault, f"killed at {death.at}")
        self.crashed(at=death.at, tier=death.tier, fault=death.fault, where=where)
        if ground.keep is not None:
            ground.keep.copy(ground.home, f"crash-{self.crashes}-after")

    def damage(self, fault: int, damage: Damage) -> None:
        """End the idle process, spoil a file, open again, and note whether that was said aloud."""
        if self._life is None:
            raise RuntimeError("no life is open")
        self._life.kill()
        self._guard.after_life()
        self._guard.at_the_end(self.trace)
        spoilt = spoil(self.ground.home, damage)
        if spoilt is not None:
            self.stage.fire(fault, f"{damage.what} in {spoilt.path}")
        if self._tracing is not None:
            trace = Trace.of(self.ground.home)
            self._watch(dataclasses.replace(self._tracing, trace=trace))
        self.crashed(at=f"rest ({damage.what})", tier="kill", fault=fault, where=None)
        number = self.crashes
        self.reopen()
        if spoilt is not None:
            said = self._life is not None and self._life.said_something
            told = {"what": damage.what, "loud": said, "after_crash": number}
            self.stage.record("damaged", vars(spoilt), **told, fault=fault)

    def _hung(self, do: str, hung: Hung) -> None:
        message = (
            f"{do}() gave no sign of life for {hung.after_s:g} real seconds; where it may take "
            f"longer, set {HANG_LIMIT} to more"
        )
        told = {"bound": "real_time", "value": 0, "message": message}
        self.stage.record("limit", told, where=hung.where)

    def crashed(self, **details: Any) -> None:
        """Put a crash on record, under the next number."""
        self.crashes += 1
        self.stage.record("crashed", crash=self.crashes, **details)

    def failed(self, kind: str, raised: Raised, **details: Any) -> None:
        """Put on record what the target raised."""
        told = {"error": raised.error, "trace": raised.trace, "where": raised.where}
        self.stage.record(kind, told, **details)

    def finish(self, *, remembered: bool = False) -> None:
        """Ask for the history (unless `remembered` just now) and the usage, close, let go.

        One that is killed meanwhile is followed by another, as everywhere.
        """
        crashes = self.crashes
        if not remembered:
            self._remember(final=True)
        if "usage" in self._capabilities and crashes == self.crashes:
            outcome = self.ask("usage")
            if isinstance(outcome, Returned):
                self.stage.record("usage", **outcome.value)
        outcome = self.ask("close") if crashes == self.crashes else Killed(None)
        if isinstance(outcome, Killed):
            self.reopen()
            self.finish(remembered=True)
            return
        if isinstance(outcome, Raised):
            self.failed("close.failed", outcome)
        elif isinstance(outcome, Returned):
            self.stage.record("closed")
        if self._life is not None:
            self._life.quit()
        self._guard.after_life()
        self.stage.record("ended")

    @property
    def pid(self) -> int | None:
        """The process that lives, if any."""
        life = self._life
        return life.pid if isinstance(life, Life) and life.alive else None

    def leave(self) -> None:
        """Close, whatever comes of it, and let the process go."""
        if self._life is None or self.pid is None:
            return
        outcome = self.ask("close")
        if isinstance(outcome, Raised):
            self.failed("close.failed", outcome)
        if self.pid is not None:
            self._life.quit()

    def relieve(self) -> None:
        """Close, let the process go, and open another, which is asked nothing before it works."""
        self.leave()
        self._guard.after_life()
        if not self.open():
            self.reopen()

    def strike(self) -> None:
        """SIGKILL, from outside; whoever waits for it sees it die."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def cut_power(self, at: str, tier: Tier) -> None:
        """It dies here, with its disk or without, and another begins on what is left."""
        self.kill_now()
        if self._tracing is not None and tier != "kill":
            self._guard.at_the_end(self.trace)
            self._watch(power_cut(self._tracing, self.ground.home, tier, None))
        self.crashed(at=at, tier=tier, fault=None, where=None)
        self.reopen()

    def end(self) -> None:
        """The case is over."""
        self.kill()

    def kill_now(self) -> None:
        """End the one that lives, if any."""
        if self._life is not None:
            self._life.kill()

    def kill(self) -> None:
        """End the one that lives; then the operations must explain what is left."""
        self.kill_now()
        self._guard.at_the_end(self.trace)

    def _remember(self, final: bool = False) -> bool:
        """Ask for the history and the checkpoint; False where it was killed meanwhile."""
        crash = None if final or not self.crashes else self.crashes
        outcome = self._recall("history", "history.failed")
        if isinstance(outcome, Raised):
            raise Over
        if not isinstance(outcome, Returned):
            _killed_at_most(outcome)
            return False
        self.stage.record("history", messages=outcome.value, after_crash=crash, final=final)
        if "checkpoint" not in self._capabilities:
            return True
        outcome = self._recall("checkpoint", "checkpoint.failed")
        if isinstance(outcome, Raised):
            return True
        if not isinstance(outcome, Returned):
            _killed_at_most(outcome)
            return False
        found = outcome.value or {"turn_number": None, "tool_state": None}
        self.stage.record("checkpoint", **found, after_crash=crash)
        return True

    def _recall(self, do: str, failed: str) -> Outcome:
        """Ask for what is remembered, once more where the disk was what failed."""
        outcome = self.ask(do)
        if isinstance(outcome, Raised):
            self.failed(failed, outcome)
            if self.stage.met_disk_error:
                outcome = self.ask(do)
                if isinstance(outcome, Raised):
                    self.failed(failed, outcome)
        return outcome

    def _resume(self) -> bool:
        """Let it go on by itself, where it can; False where it was killed meanwhile."""
        if "resume" not in self._capabilities:
            return True
        outcome = self.ask("resume")
        if isinstance(outcome, Raised):
            # The message itself is sent again next: that may still be answered.
            self.failed("resume.failed", outcome)
            return True
        if not isinstance(outcome, Returned):
            _killed_at_most(outcome)
            return False
        self.stage.record("resumed", answer=outcome.value, after_crash=self.crashes)
        return True


def _killed_at_most(outcome: Outcome) -> None:
    if not isinstance(outcome, Killed):
        raise Over
