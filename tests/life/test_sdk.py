"""The warmed SDK: rehearsed against a canned reply, then every request goes to the handle."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request

import pytest

from harness.life.sdk import proxies

CODE = """
import os
os.environ["ANTHROPIC_API_KEY"] = "sk-ant-mock"
from harness.doors.reply import NoReply
from harness.life import sdk
from harness.life.clock import HAND
seen, refused = [], []
def handle(method, path, headers, body):
    seen.append((method, path))
    return NoReply("connect_error")
sdk.open_door(handle, HAND, refused.append)
sdk.rehearse()
assert not seen, seen
import anthropic, httpx
client = anthropic.Anthropic(max_retries=0)
try:
    client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}])
except anthropic.APIConnectionError:
    pass
assert seen == [("POST", "/v1/messages")], seen
try:
    httpx.get("http://elsewhere.invalid/x")
except httpx.ConnectError:
    pass
assert refused and "elsewhere.invalid" in refused[0], refused
print("kept")
"""


def test_the_rehearsal_reaches_nobody_and_later_requests_reach_the_handle() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.strip() == "kept", done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"PATH": "/bin"},
        {"https_proxy": "http://here:1", "PATH": "/bin"},
        {"HTTP_PROXY": "http://here:1", "REQUEST_METHOD": "GET", "no_proxy": "*"},
        {"no_proxy": ""},
    ],
)
def test_what_it_says_of_proxies_is_what_the_environment_says(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*os.environ]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxies() == urllib.request.getproxies_environment()
