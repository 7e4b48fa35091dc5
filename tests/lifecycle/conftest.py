"""The tests of the stack fsync thousands of times: that it is done is tested, the wait is not."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """fsync returns at once."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
