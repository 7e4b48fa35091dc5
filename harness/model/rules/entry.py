"""Rules at the entry, before a body is read: who asks, how much, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harness.model.message import Refusal, bad

BODY_BYTES_MAX = 32 * 1024 * 1024
BAD_KEY = "bad"
MESSAGES = "/v1/messages"
COUNT_TOKENS = "/v1/messages/count_tokens"
MODELS = "/v1/models"


class Knock(NamedTuple):
    """A request at the entry. Header names in lower case, the path without its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def body_too_large(knock: Knock) -> None:
    """A body has at most 32 MB."""
    if len(knock.body) > BODY_BYTES_MAX:
        raise Refusal("Request exceeds the maximum size", status=413, kind="request_too_large")


def bad_key(knock: Knock) -> None:
    """There is a key, and it is not the word `bad`."""
    key = knock.headers.get("x-api-key")
    if key is None:
        key = knock.headers.get("authorization", "").removeprefix("Bearer ")
    if not key:
        raise Refusal("x-api-key header is required", status=401, kind="authentication_error")
    if key == BAD_KEY:
        raise Refusal("invalid x-api-key", status=401, kind="authentication_error")


def missing_version(knock: Knock) -> None:
    """The header anthropic-version is there."""
    if not knock.headers.get("anthropic-version"):
        raise bad("anthropic-version: header is required")


def unknown_path(knock: Knock) -> None:
    """The method and the path are ones that the mock serves."""
    if knock.path in (MESSAGES, COUNT_TOKENS):
        if knock.method == "POST":
            return
        raise Refusal("Method Not Allowed", status=405)
    if knock.path == MODELS or knock.path.startswith(MODELS + "/"):
        if knock.method == "GET":
            return
        raise Refusal("Method Not Allowed", status=405)
    raise Refusal("Not found", status=404, kind="not_found_error")


def content_type(knock: Knock) -> None:
    """What is posted is JSON."""
    given = knock.headers.get("content-type", "")
    if knock.method == "POST" and given.split(";")[0].strip().lower() != "application/json":
        raise bad(f"content-type: expected application/json, got {given[:80] or 'none'!r}")
