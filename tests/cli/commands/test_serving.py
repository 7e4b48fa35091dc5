"""`harness serve`: a real process, a real client in another one, curl, and a ledger that agrees."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main

SCENARIO = """\
name: served
script:
  - user: What is the capital of France?
    reply: {text: Paris., first_token: 1h}
  - user: And of Austria?
    reply: {text: Vienna.}
faults:
  - http: {turn: 2, status: 529}
"""
CLIENT = """
import json, sys
import anthropic
client = anthropic.Anthropic(base_url=sys.argv[1], api_key="any")
said = [{"role": "user", "content": "What is the capital of France?"}]
first = client.messages.create(model="claude-sonnet-5-5", max_tokens=100, messages=said)
said += [first.to_dict() and {"role": "assistant", "content": first.content[0].text}]
said += [{"role": "user", "content": "And of Austria?"}]
with client.messages.stream(model="claude-sonnet-5-5", max_tokens=100, messages=said) as stream:
    second = stream.get_final_message()
print(json.dumps([
    [reply.content[0].text, reply.usage.input_tokens, reply.usage.output_tokens]
    for reply in (first, second)
]))
"""
Serve = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "harness", "serve", *options]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(server)
        assert server.stdout is not None
        words = server.stdout.readline().split()
        assert words[:2] == ["listening", "on"]
        return server, words[2]

    yield start
    for server in started:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


def _ledger(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/__harness__/ledger", timeout=10) as page:
        attempts: list[dict[str, Any]] = json.loads(page.read())["attempts"]
    return attempts


def test_a_client_in_another_process_is_told_what_the_ledger_says(
    serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "served.scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    _server, url = serve("--scenario", str(path))
    assert url.startswith("http://127.0.0.1:")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CLIENT, url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = json.loads(done.stdout)
    assert [text for text, *_ in told] == ["Paris.", "Vienna."], done.stderr
    attempts = _ledger(url)
    assert [(row["status"], row["fault"]) for row in attempts] == [
        (200, None),
        (529, "http"),
        (200, None),
    ]
    billed = [[row["input_tokens"], row["output_tokens"]] for row in attempts if not row["fault"]]
    assert billed == [numbers for _text, *numbers in told]
    assert [row["messages"] for row in attempts] == [1, 3, 3]
    # An hour until the first token has passed for the model and for nobody else.
    assert attempts[1]["at_s"] - attempts[0]["at_s"] > 3600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(serve: Serve, number: signal.Signals) -> None:
    server, _url = serve()
    server.send_signal(number)
    assert server.wait(10) == 0


def test_without_a_scenario_any_valid_request_is_answered_and_a_bad_key_is_not(
    serve: Serve,
) -> None:
    _server, url = serve()
    body = {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [{"role": "user"}]}

    def post(key: str, content: str | None) -> int:
        message = {"role": "user"} if content is None else {"role": "user", "content": content}
        request = urllib.request.Request(
            f"{url}/v1/messages",
            data=json.dumps({**body, "messages": [message]}).encode(),
            headers={
                "x-api-key": key,
                "anthropic-version": "2023-06-01",
                "content-type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                assert json.loads(reply.read())["content"][0]["text"]
                return int(reply.status)
        except urllib.error.HTTPError as error:
            with error:
                kind = json.loads(error.read())["type"]
            return error.code if kind == "error" else 0

    assert post("any", "hello") == 200
    assert post("bad", "hello") == 401
    assert post("any", None) == 400


def test_curl_is_answered_too(serve: Serve) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed on this machine")
    _server, url = serve("--seed", "3")
    messages = [{"role": "user", "content": "hello"}]
    asked = {"model": "claude-sonnet-5-5", "max_tokens": 9, "stream": True, "messages": messages}
    headers = ["x-api-key: k", "anthropic-version: 2023-06-01", "content-type: application/json"]
    command = [curl, "-sS", "--noproxy", "*", "--max-time", "10", "-d", json.dumps(asked)]
    for header in headers:
        command += ["-H", header]
    done = subprocess.run(
        [*command, f"{url}/v1/messages"], capture_output=True, text=True, check=False, timeout=20
    )
    assert "event: message_stop" in done.stdout, done.stderr


def test_a_port_or_a_scenario_that_is_none_is_said_so() -> None:
    for options, message in (
        (["--port", "99999"], "expected a port from 0 to 65535"),
        (["--scenario", "nowhere.yaml"], "nowhere.yaml"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "harness", "serve", *options],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 4
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_named_with_what_to_do(serve: Serve) -> None:
    _server, url = serve()
    port = url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "harness", "serve", "--port", port],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr.startswith(
        f"harness serve: expected to listen on 127.0.0.1:{port}, got Address already in use; end"
    )


def test_the_models_that_it_knows_are_said_at_the_start_and_in_the_help(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    server, url = serve()
    assert server.stdout is not None
    models = server.stdout.readline()
    assert models.startswith("models: claude-")
    assert server.stdout.readline() == f"ledger: {url}/__harness__/ledger\n"
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    assert models.strip() in " ".join(capsys.readouterr().out.split())
