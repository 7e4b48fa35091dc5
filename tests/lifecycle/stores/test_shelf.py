"""The two refusals of a second writer name the session and say what to do."""

from __future__ import annotations

from harness.lifecycle.stores.shelf import busy, overtaken


def test_each_refusal_names_the_session_and_the_remedy() -> None:
    for error, remedy in ((busy("db: ada"), "wait"), (overtaken("db: ada"), "open")):
        assert str(error).startswith("db: ada: another writer")
        assert remedy in str(error)
