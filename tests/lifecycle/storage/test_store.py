"""The parts that work alone fit the words that a conversation uses of any store."""

from __future__ import annotations

from pathlib import Path

from harness.lifecycle import Checkpoint, CheckpointStore, Conversation, ConversationCodec, Held
from tests.lifecycle.fake_claude import FakeClaude, says


class Shelfless:
    """A store of somebody's own: the article's parts, and no lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.released = 0

    def open(self, session_id: str, *, now: object = None) -> Held:
        log = ConversationCodec(self.folder / "log")
        return Held(log, CheckpointStore(self.folder / "c", session_id=session_id), self._release)

    def _release(self) -> None:
        self.released += 1


def test_a_store_of_ones_own_carries_a_conversation(tmp_path: Path) -> None:
    store = Shelfless(tmp_path)
    client = FakeClaude(lambda r: says("ok"))
    with Conversation.open(
        "unused", "ada", client=client, store=store, checkpoint_every=1
    ) as conversation:
        conversation.send("m1", "hello")
    assert store.released == 1
    saved = CheckpointStore(tmp_path / "c", session_id="ada").load()
    assert isinstance(saved, Checkpoint)
    assert saved.turn_number == 1
