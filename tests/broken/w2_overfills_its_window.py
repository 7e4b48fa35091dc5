"""Breaks W2: its prompts are far over the budget that it was given."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest


class Wordy(Conversation):
    """Puts a long preamble before everything, and counts nothing."""

    def system(self) -> str:
        """Thousands of words, whatever the budget."""
        return "Remember to be brief and kind. " * 1000


class Broken(Honest):
    """The target."""

    name = "w2_overfills_its_window"
    session = Wordy
