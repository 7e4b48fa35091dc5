"""The fork: a second process on a copy of what a crash left, told what the first will be told.

It ends where it asks the model for something: that is all that is wanted of it. What it does until
then touches nothing: its clock, model, tools and directory are copies. Its seed is another one, so
that chance is not taken for a plan.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from typing import Any

from harness.channel import to_text
from harness.lab.lives import Ground, Lives, Over
from harness.lab.stage import Stage
from harness.world.process import Die

LIVES_APART = 1000
"""So far apart are the numbers, and the seeds, of a fork's life and of the one that goes on."""


class _ToTheFirstRequest(Stage):
    """A stage that plays until the target asks the model, and keeps what it asked."""

    asked: str | None = None

    def _on_request(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked = to_text(call["body"])
        self.limit_hit = True
        raise Die


def fork(lives: Lives, ground: Ground, stage: Stage, message: Mapping[str, str]) -> None:
    """Record what a second process would first ask, if it resumed from here and got the message."""
    clock = ground.clock.copy()
    home = ground.home.with_name(f"{ground.home.name}-fork")
    shutil.copytree(ground.home, home, symlinks=True)
    here = dataclasses.replace(
        ground, home=home, clock=clock, keep=None, order={**ground.order, "home": str(home)}
    )
    apart = stage.copy(_ToTheFirstRequest, clock)
    apart.life += LIVES_APART
    second = Lives(here, apart, None)
    second.crashes = lives.crashes
    try:
        second.reopen()
        second.ask("send", **message)
    except Over:
        pass
    finally:
        second.kill()
        clock.close()
        shutil.rmtree(home)
    # Where its own directory is in the request, the two differ in nothing else.
    body = None if apart.asked is None else apart.asked.replace(str(home), str(ground.home))
    stage.record("forked", after_crash=lives.crashes, body=body)
