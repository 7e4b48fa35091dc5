"""The machine that is measured: what it is, whether a stored run is of the same, where its disk is.

Absolute times are compared on the same machine only; ratios, exponents and counts travel. Appending
and restoring are measured on a disk: in memory an fsync costs nothing, and the result would lie.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

IN_MEMORY = ("tmpfs", "ramfs", "devtmpfs")
SAME = ("cpu", "cores", "system", "python")
"""What has to agree for absolute times to be compared."""


class NoDisk(Exception):
    """Nowhere to write but memory."""


def this_machine() -> dict[str, Any]:
    """What times depend on, without a name or an address."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
    }


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """How two machines differ, one sentence each; none where absolute times may be compared."""
    return [
        f"{key} is {here.get(key)!r} here and {there.get(key)!r} there"
        for key in SAME
        if here.get(key) != there.get(key)
    ]


def disk_folder(candidates: Iterable[Path] | None = None) -> Path:
    """A fresh folder on a disk, for the caller to remove; NoDisk where all are in memory."""
    places = list(candidates or (Path(tempfile.gettempdir()), Path.cwd(), Path.home()))
    for place in places:
        if os.access(place, os.W_OK) and filesystem_of(place) not in IN_MEMORY:
            return Path(tempfile.mkdtemp(prefix="harness-bench-", dir=place))
    named = ", ".join(map(str, places))
    raise NoDisk(
        f"expected a writable folder on a disk, got none among {named} (all in memory or not "
        "writable); set TMPDIR to a folder on a disk: in memory an fsync costs nothing"
    )


def filesystem_of(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The kind of file system that holds a folder, `ext4` for example."""
    folder = folder.resolve()
    found = ("/", "unknown")
    for line in mounts.read_text(encoding="utf-8").splitlines():
        where, kind = line.split()[1:3]
        where = where.replace("\\040", " ")
        if folder.is_relative_to(where) and len(where) >= len(found[0]):
            found = (where, kind)
    return found[1]


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or "unknown"
    named = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return named[0] if named else platform.processor() or "unknown"
