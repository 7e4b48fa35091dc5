"""Breaks S6: declares its files private and makes one that everybody may read."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest


class Open(Conversation):
    """Exports the conversation as text, for whoever wants it."""

    def send(self, message_id: str, text: str) -> str:
        """Answer, then export."""
        said = super().send(message_id, text)
        export = self.home / "export.txt"
        export.write_text(said, encoding="utf-8")
        export.chmod(0o644)
        return said


class Broken(Honest):
    """The target."""

    name = "s6_lets_others_read"
    private_modes = True
    session = Open
