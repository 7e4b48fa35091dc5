"""One writer a session: a lock that dies with its holder.

The lock is the kernel's (`flock`) on the session's folder itself, so there is no lock file to
survive a crash: a killed holder's lock is free at once, a living one's is respected by every
process on the machine. Not for network file systems.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from harness.lifecycle.errors import SessionBusy
from harness.lifecycle.storage.durable import create_directory


class SessionLock:
    """Held from creation until `release` or the end of the process.

    SessionBusy where somebody else holds it.
    """

    def __init__(self, folder: Path) -> None:
        create_directory(folder)
        self._descriptor: int | None = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise SessionBusy(
                f"{folder}: another writer has this session open; two would interleave their "
                "turns: close the other one, or wait until it ends"
            ) from error
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Let the next writer in."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)
