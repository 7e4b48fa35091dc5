"""The books: tokens, money and attempts against the API's own ledger, through crashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.lifecycle import Conversation, Prices, Usage
from tests.lifecycle.fake_claude import FakeClaude, Killed, says
from tests.lifecycle.mock_claude import Talk, agent_lines, motley_lines

OPUS = Prices(5.0, 25.0)


@pytest.mark.parametrize("lines", [agent_lines(15, 5), motley_lines(20, 5, 200)])
def test_tokens_and_money_are_the_ledgers_with_caches_priced_apart(
    lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    talk = Talk(lines, gap_s=60.0)
    runs = []
    for first, last in ((1, 7), (8, None)):
        with talk.opened(tmp_path, window_tokens=20_000) as conversation:
            talk.say(conversation, first, last)
            whole = conversation.usage()
            runs.append(conversation.usage_since_open())
    rows = talk.rows
    assert whole.input_tokens == sum(row.input_tokens for row in rows)
    assert whole.cache_read_tokens == sum(row.cache_read_input_tokens for row in rows) > 0
    assert whole.cache_write_tokens == sum(row.cache_creation_input_tokens for row in rows) > 0
    assert whole.output_tokens == sum(row.output_tokens for row in rows)
    assert whole.attempts == len(rows)
    assert OPUS.of(whole) == pytest.approx(sum(row.cost_usd for row in rows))
    assert runs[0] + runs[1] == whole
    assert runs[1].attempts > 0


def test_prices_of_the_caches_can_be_said() -> None:
    usage = Usage(1_000_000, 0, 1_000_000, 1_000_000)
    assert Prices(2.0, 10.0).of(usage) == pytest.approx(2.0 + 0.2 + 2.5)
    assert Prices(2.0, 10.0, cache_read=0.1, cache_write=4.0).of(usage) == pytest.approx(6.1)


class Dying(FakeClaude):
    """A client whose process dies at given calls, before or after the request has left."""

    def __init__(self, deaths: dict[int, str]) -> None:
        super().__init__(lambda request: says("fine"))
        self.deaths = deaths
        self.calls = 0

    def create(self, **request: Any) -> Any:
        self.calls += 1
        death = self.deaths.pop(self.calls, None)
        if death == "before":
            raise Killed
        answer = super().create(**request)
        if death == "after":
            raise Killed
        return answer


def lives(home: Path, client: FakeClaude, monkeypatch: pytest.MonkeyPatch | None = None) -> Usage:
    """Say the same message in life after life until it is answered."""
    while True:
        with Conversation.open(home, "ada", client=client) as conversation:
            try:
                conversation.send("m1", "hello")
            except Killed:
                if monkeypatch is not None:
                    monkeypatch.undo()
                continue
            return conversation.usage()


def test_a_reply_that_died_with_its_process_is_an_attempt(tmp_path: Path) -> None:
    client = Dying({1: "after", 2: "after"})
    assert lives(tmp_path, client).attempts == len(client.requests) == 3


def test_a_crash_between_the_message_and_the_request_is_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.lifecycle.turns.turn import TurnLogic

    def dies(self: TurnLogic) -> Any:
        raise Killed

    monkeypatch.setattr(TurnLogic, "next_step", dies)
    client = FakeClaude(lambda request: says("fine"))
    assert lives(tmp_path, client, monkeypatch).attempts == len(client.requests) == 1


def test_a_crash_in_the_moment_of_asking_counts_one_at_most(tmp_path: Path) -> None:
    client = Dying({1: "before"})
    assert lives(tmp_path, client).attempts == len(client.requests) + 1 == 2
