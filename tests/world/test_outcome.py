"""What became of a command: an answer or an error, and the line that it died on."""

from __future__ import annotations

from pathlib import Path

from harness.world.outcome import Raised, Returned, innermost, outcome_of

HERE = Path(__file__)
LINE = next(n for n, text in enumerate(HERE.read_text().splitlines(), 1) if text.startswith("HERE"))


def test_an_answer_is_a_value_or_what_the_target_raised() -> None:
    assert outcome_of({"value": [1]}) == Returned([1])
    assert outcome_of({"error": "E: x", "trace": ["a.py:1"]}) == Raised("E: x", ["a.py:1"])


def test_the_innermost_line_is_that_of_nobodys_library() -> None:
    stack = (
        'File "<frozen os>", line 3 in makedirs',
        'File "/usr/lib/python3/json.py", line 9 in dump',
        f'File "{HERE}", line {LINE} in save',
        'File "/home/ann/agent.py", line 1 in send',
    )
    assert innermost(stack, ("/usr/lib",)) == f"{HERE.name}:{LINE} HERE = Path(__file__)"
    assert innermost(stack[:2], ("/usr/lib",)) is None
