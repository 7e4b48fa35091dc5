"""What passes through a door is plain data."""

from __future__ import annotations

from harness.doors.reply import Frame, NoReply, Reply


def test_the_gate_is_no_part_of_what_a_reply_is() -> None:
    plain = Reply(200, {}, (Frame(0, b"x"),))
    gated = Reply(200, {}, (Frame(0, b"x"),), gate=lambda _boundary: None)
    assert plain == gated
    assert plain.end == "ok"


def test_silence_takes_no_time_unless_it_says_so() -> None:
    assert NoReply("reset").delay_ns == 0
