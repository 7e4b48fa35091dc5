"""The checkpoint in a database: the newest save and the one before, sealed as in the file."""

from __future__ import annotations

import logging

from harness.lifecycle.storage.resume import Checkpoint, seal_checkpoint, unseal_checkpoint
from harness.lifecycle.stores.shelf import Shelf

_LOG = logging.getLogger("harness.lifecycle")


class StoredCheckpoints:
    """One session's checkpoints on a shelf."""

    def __init__(self, shelf: Shelf, *, session_id: str) -> None:
        self.damage: list[str] = []
        self._shelf = shelf
        self._session_id = session_id

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint; when this returns, the new one is durable."""
        self._shelf.put_checkpoint(seal_checkpoint(checkpoint, self._session_id))

    def load(self, *, log_length: int | None = None) -> Checkpoint | None:
        """The newest checkpoint that can be trusted, or None; see `CheckpointStore.load`."""
        self.damage = []
        for data in self._shelf.checkpoints():
            try:
                return unseal_checkpoint(data, self._session_id, log_length)
            except (ValueError, KeyError, TypeError) as error:
                self.damage.append(f"checkpoint of {self._shelf.name}: {error}; set aside")
                _LOG.warning("%s", self.damage[-1])
        return None
