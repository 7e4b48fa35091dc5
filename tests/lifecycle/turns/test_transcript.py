"""What the log means, and that it means the same after a restart."""

from __future__ import annotations

from typing import Any

from harness.lifecycle import MessageWindow, Record, Said, UsageLedger
from harness.lifecycle.turns.transcript import NOTE, Transcript

USAGE = {
    "input_tokens": 10,
    "output_tokens": 5,
    "cache_read_tokens": 90,
    "cache_write_tokens": 0,
    "attempts": 1,
}


class Log:
    """Records with their numbers, applied as they come."""

    def __init__(self, every: int = 2) -> None:
        window = MessageWindow(5000, ledger=UsageLedger(), auto=False)
        self.transcript = Transcript(window, checkpoint_every=every)
        self.records: list[Record] = []

    def add(self, role: str, content: Any, record_id: str = "", **meta: Any) -> None:
        number = len(self.records)
        record = Record(role, content, record_id or f"r{number}", number, number, 1, meta)
        self.records.append(record)
        self.transcript.apply(record)

    def user(self, message_id: str) -> None:
        self.add("user", f"text of {message_id}", message_id, kind="user")

    def says(self, content: Any, **meta: Any) -> None:
        self.add("assistant", content, kind="assistant", usage=USAGE, **meta)


def text(words: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": words}]


def use(call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "n", "input": {}}


def test_pieces_of_one_answer_are_one_message() -> None:
    log = Log()
    log.user("m1")
    log.add("note", "", kind="ask")
    log.says(text("half, "), stop_reason="max_tokens")
    log.add("user", "Continue.", kind="continue")
    log.add("note", "", kind="ask")
    log.says(text("whole"), final=True, stop_reason="end_turn")
    assert log.transcript.history() == [
        Said("user", "text of m1"),
        Said("assistant", "half, whole"),
    ]
    assert log.transcript.turns[0].answer == "half, whole"
    assert log.transcript.usage.attempts == 2
    sent = [message["role"] for message in log.transcript.window.as_messages()]
    assert sent == ["user", "assistant", "user", "assistant"]


def test_results_go_out_together_and_the_answer_is_what_follows_them() -> None:
    log = Log()
    log.user("m1")
    log.says([*text("Let me see. "), use("t1"), use("t2")], calls=True, stop_reason="tool_use")
    log.add(NOTE, "two", kind="result", call_id="t2", name="n")
    assert len(log.transcript.window) == 2
    assert [call["id"] for call in log.transcript.turns[0].waiting] == ["t1"]
    log.add(NOTE, "one", kind="result", call_id="t1", name="n", is_error=True)
    results = log.transcript.window.as_messages()[-1]["content"]
    assert [(r["tool_use_id"], r.get("is_error", False)) for r in results] == [
        ("t1", True),
        ("t2", False),
    ]
    log.says(text("Done."), final=True, stop_reason="end_turn")
    assert log.transcript.turns[0].answer == "Done."
    assert [said.role for said in log.transcript.history()] == ["user", "assistant"] * 2


def test_a_checkpoint_is_made_every_n_completed_turns_and_stays_as_it_was() -> None:
    log = Log(every=2)
    for number in range(5):
        log.user(f"m{number}")
        log.says([use(f"t{number}")], calls=True, stop_reason="tool_use")
        log.add(NOTE, "ok", kind="result", call_id=f"t{number}", name="n")
        log.says(text("Done."), final=True, stop_reason="end_turn")
    checkpoint = log.transcript.checkpoint
    assert checkpoint is not None
    assert checkpoint.turn_number == 4
    assert checkpoint.tool_state["n"]["calls"] == 4
    assert checkpoint.position == 16


def test_an_answer_sent_again_after_others_takes_the_place_of_the_first_try() -> None:
    log = Log()
    log.user("m1")
    log.user("m2")
    log.says(text("two"), final=True, stop_reason="end_turn")
    log.user("m1")
    assert [said.content for said in log.transcript.history()] == [
        "text of m2",
        "two",
        "text of m1",
    ]


def test_a_shortened_message_is_shown_short_and_remembered_whole() -> None:
    log = Log()
    log.add("user", "very long", "m1", kind="user", sent="short")
    assert log.transcript.history() == [Said("user", "very long")]
    assert log.transcript.window.as_messages()[0]["content"] == "short"


def test_strange_records_are_left_alone() -> None:
    log = Log()
    log.add("narrator", "meanwhile", kind="aside")
    assert log.transcript.history() == []
    assert log.transcript.last_sequence == 0


def test_the_same_records_give_the_same_state() -> None:
    log = Log()
    for number in range(30):
        log.user(f"m{number}")
        log.says(text("word " * number), final=True, stop_reason="end_turn")
        if number % 7 == 6:
            first = log.transcript.window.state()["tags"][4]
            log.add(NOTE, "", kind="cut", first_kept=first)
    again = Log()
    for record in log.records:
        again.transcript.apply(record)
    assert again.transcript.window.state() == log.transcript.window.state()
    assert again.transcript.window.as_messages() == log.transcript.window.as_messages()
    assert again.transcript.usage == log.transcript.usage
    assert again.transcript.checkpoint == log.transcript.checkpoint
