"""S6: nothing is read or written outside the session's directory; what is private stays so."""

from __future__ import annotations

from collections.abc import Iterator

from harness.checks.evidence.breach import Breach
from harness.checks.evidence.facts import Evidence

_SAYS = {
    "read": "read",
    "create": "made",
    "write": "written",
    "truncate": "cut",
    "mkdir": "made",
    "unlink": "removed",
    "rmdir": "removed",
    "rename": "moved",
    "link": "linked",
    "symlink": "made",
}


def confined(evidence: Evidence) -> Iterator[Breach]:
    """S6: what the record says of strays, and of modes where the target declared them private."""
    for event in evidence.of("strayed"):
        what = _SAYS.get(str(event.data["operation"]), "changed")
        path = event.data["path"]
        yield Breach(
            "S6", event.n, event.turn, f"{path} was {what}, outside the session's directory"
        )
    for event in evidence.of("exposed"):
        path, mode = event.data["path"], event.data["mode"]
        yield Breach(
            "S6",
            event.n,
            event.turn,
            f"{path} has mode {mode}, and the target declares its files private (0700, 0600)",
        )
