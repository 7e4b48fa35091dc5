"""Breaks P5: a reply that breaks off is shown as if it were the answer."""

from __future__ import annotations

import anthropic

from tests.broken.honest import Conversation, Honest, Row


class Credulous(Conversation):
    """Takes what has come for what was said."""

    def ask(self) -> list[Row]:
        """One model call, listened to until it ends in whatever way."""
        text = ""
        try:
            for event in self.client.messages.create(**self.request(), stream=True):
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    text += event.delta.text
        except (anthropic.APIError, OSError):
            pass
        return [{"type": "text", "text": text}]


class Broken(Honest):
    """The target."""

    name = "p5_shows_half"
    session = Credulous
