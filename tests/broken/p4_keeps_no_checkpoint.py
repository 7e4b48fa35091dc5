"""Breaks P4: it offers checkpoints and never writes one."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest


class Careless(Conversation):
    """Counts the turns of this process only, and so never comes to the third."""

    def save_checkpoint(self) -> None:
        """Never."""


class Broken(Honest):
    """The target."""

    name = "p4_keeps_no_checkpoint"
    session = Careless
