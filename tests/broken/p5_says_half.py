"""Breaks P5: an answer that came in pieces is returned without its beginning."""

from __future__ import annotations

from typing import Any

from tests.broken.honest import Conversation, Honest


class Hasty(Conversation):
    """Goes on where a reply was cut, and returns what came last."""

    def ask(self) -> list[dict[str, Any]]:
        """Ask for the rest at once; only the log gets all of it."""
        request = self.request()
        pieces: list[str] = []
        while True:
            reply = self.client.messages.create(**request)
            pieces += [block.text for block in reply.content if block.type == "text"]
            if reply.stop_reason != "max_tokens":
                self.last = pieces[-1]
                return [{"type": "text", "text": "".join(pieces)}]
            request["messages"] = [
                *request["messages"],
                {"role": "assistant", "content": pieces[-1]},
                {"role": "user", "content": "Continue."},
            ]

    def send(self, message_id: str, text: str) -> str:
        """The last piece, as if it were the answer."""
        super().send(message_id, text)
        return self.last


class Broken(Honest):
    """The target."""

    name = "p5_says_half"
    session = Hasty
