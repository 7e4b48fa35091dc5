"""The checkpoint beside the log: a coarse save of where the conversation stands.

Written whole or not at all (temporary file, fsync, rename, folder fsync), sealed with a checksum,
the generation before kept. It names the position in the log that it belongs to; one that claims
more than the log holds, belongs to another session or is damaged is set aside, said aloud, and the
caller builds a new one from the log. It does not know what tools do.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.lifecycle.storage.durable import (
    create_directory,
    seal,
    sync_directory,
    unseal,
    write_temporary,
)

CHECKPOINT_VERSION = 1
_LOG = logging.getLogger("harness.lifecycle")


@dataclass(frozen=True)
class Checkpoint:
    """`turn_number` counts completed user turns; `tool_state` is the caller's own, JSON-like.

    `position` is the number of records that the log held when it was made.
    """

    turn_number: int
    tool_state: Mapping[str, Any] = field(default_factory=dict)
    last_assistant_message: str | None = None
    position: int = 0
    memory: Mapping[str, Any] | None = None


class CheckpointStore:
    """The checkpoint at `path`, and the one before it at `path` + ".previous".

    `damage` says, a sentence each, why a file was set aside by the last `load`.
    """

    def __init__(self, path: str | Path, *, session_id: str | None = None) -> None:
        self.path = Path(path)
        self.previous = self.path.with_name(self.path.name + ".previous")
        self.session_id = session_id
        self.damage: list[str] = []

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint; when this returns, the new one outlives a power cut."""
        create_directory(self.path.parent)
        data = seal_checkpoint(checkpoint, self.session_id)
        temporary = write_temporary(self.path, data + b"\n")
        with suppress(FileNotFoundError):
            os.replace(self.path, self.previous)
        os.replace(temporary, self.path)
        sync_directory(self.path.parent)

    def load(self, *, log_length: int | None = None) -> Checkpoint | None:
        """The newest checkpoint that can be trusted, or None.

        `log_length` is the number of records in the log: a checkpoint beyond it is not trusted.
        """
        self.damage = []
        for path in (self.path, self.previous):
            try:
                return self._read(path, log_length)
            except FileNotFoundError:
                continue
            except (ValueError, KeyError, TypeError) as error:
                self.damage.append(f"{path}: {error}; set aside")
                _LOG.warning("%s", self.damage[-1])
        return None

    def _read(self, path: Path, log_length: int | None) -> Checkpoint:
        return unseal_checkpoint(path.read_bytes().removesuffix(b"\n"), self.session_id, log_length)


def seal_checkpoint(checkpoint: Checkpoint, session_id: str | None) -> bytes:
    """The checkpoint as it is stored: one sealed line, without the newline."""
    return seal({"v": CHECKPOINT_VERSION, "session_id": session_id, **vars(checkpoint)})


def unseal_checkpoint(data: bytes, session_id: str | None, log_length: int | None) -> Checkpoint:
    """The checkpoint that was sealed; ValueError with the reason where it is not to be trusted."""
    value = unseal(data)
    version, of_session = value.pop("v"), value.pop("session_id")
    if version != CHECKPOINT_VERSION:
        raise ValueError(f"of version {version}, this release reads {CHECKPOINT_VERSION}")
    if of_session != session_id:
        raise ValueError(f"of session {of_session!r}, expected {session_id!r}")
    checkpoint = Checkpoint(**value)
    if log_length is not None and checkpoint.position > log_length:
        raise ValueError(f"made at record {checkpoint.position}, but the log holds {log_length}")
    return checkpoint
