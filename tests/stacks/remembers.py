"""A sound stack with a memory beside its directory: it greets each session its process opens."""

from __future__ import annotations

from collections.abc import Sequence

from harness.protocol import Message
from tests.broken.honest import Conversation, Honest

_opened: list[Conversation] = []


class Greeting(Conversation):
    """Adds a line for every session that this process opened before."""

    def history(self) -> Sequence[Message]:
        """All that is in the log, and what it should not know."""
        others = [one for one in _opened if one.home != self.home]
        _opened.append(self)
        return [*super().history(), *(Message("user", "we met before") for _ in others)]


class Remembers(Honest):
    """The target."""

    name = "remembers"
    session = Greeting
