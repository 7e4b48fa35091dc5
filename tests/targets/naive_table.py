"""The thirty-three defects of the naive composition: which story catches each, and the token.

`uv run python -m tests.targets.naive_table` plays them and writes docs/naive.md; a test sees to it
that the file is what this would write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.checks.verdict import Finding
from harness.lab.play import play
from harness.report.result import Result
from harness.scenario.load import Loaded, load

ROOT = Path(__file__).parents[2]
DOC = ROOT / "docs" / "naive.md"
Results = Mapping[tuple[str, str], Result]
"""By target and story."""
TUTORIALS = "tests/stacks/tutorials.py"


@dataclass(frozen=True)
class Row:
    """A defect, the story that catches it, and the finding by its code and words of its message."""

    number: int
    defect: str
    story: str
    code: str
    says: str
    tutorial: str = ""

    @property
    def target(self) -> str:
        """Who has the defect: the naive target, or a tutorial with one habit more."""
        return f"{TUTORIALS}:{self.tutorial}" if self.tutorial else "naive"

    @property
    def path(self) -> str:
        """The story's file, from the root."""
        return f"scenarios/{self.story}.scenario.yaml"

    @property
    def loaded(self) -> Loaded:
        """The story."""
        return Loaded(self.path, load(ROOT / self.path).scenario)


ROWS = (
    Row(1, "the checkpoint is never written: its turn count restarts on each call",
        "resume/crash_on_turn_12_resumes_from_11", "P4", "the checkpoint is not there"),
    Row(2, "the state of the tools is never set, the last message never read",
        "resume/kill_between_log_and_checkpoint", "P4", "has no tool_state"),
    Row(3, "the loop ends only on end_turn",
        "budget/refusal_loop_is_bounded", "W1", "trailing_assistant"),
    Row(4, "only the last fragment is returned, in two assistant rows",
        "budget/max_tokens_continuation", "P5", "a part of the answer"),
    Row(5, "`content[0].text`",
        "overflow/thinking_is_untouched", "P5", "has no attribute 'text'"),
    Row(6, "the tool is never run, only the text is kept",
        "resume/kill_before_tool_result", "P2", "never ran", "Careless"),
    Row(7, "the user's turn is left dangling by an error",
        "wire/overloaded_then_recovers", "P5", "stands twice"),
    Row(8, "a reply that was paid for is lost",
        "resume/crash_on_turn_12_resumes_from_11", "P5", "turn 12 was spoken once"),
    Row(9, "stored, but not delivered",
        "resume/resend_after_undelivered_reply", "P2", "pay ran twice"),
    Row(10, "a poison turn is kept",
        "wire/poison_message_is_quarantined", "W1", "blank_text"),
    Row(11, "the assistant speaks first",
        "overflow/trim_cut_at_every_turn", "W1", "first_is_assistant"),
    Row(12, "tool blocks are orphaned by a cut",
        "overflow/parallel_tool_pairs", "W1", "orphan_tool_result"),
    Row(13, "an oversize message empties the window",
        "overflow/oversize_paste", "W1", "empty_messages"),
    Row(14, "what matters is forgotten, silently",
        "overflow/pinned_message_stays", "W3", "without a pinned message", "Careless"),
    Row(15, "the budget ignores system prompt, tools and output",
        "overflow/system_prompt_eats_the_budget", "W2", "over the model's window"),
    Row(16, "the estimator is not the model's tokenizer; blocks count as their number",
        "budget/cjk_and_code", "W2", "over the model's window"),
    Row(17, "a torn last line",
        "disk/torn_then_append", "S2", "Unterminated string"),
    Row(18, "a lost newline glues two records",
        "disk/torn_tail_at_every_byte", "S2", "Extra data"),
    Row(19, "no fsync",
        "disk/nul_hole_after_power_loss", "S1", "power cut"),
    Row(20, "a torn or empty checkpoint",
        "disk/empty_checkpoint", "P4", "cannot be read"),
    Row(21, "log and checkpoint disagree",
        "resume/double_crash", "P4", "turns had been acknowledged"),
    Row(22, "closed only where all went well",
        "resume/crash_on_turn_12_resumes_from_11", "S1", "11 acknowledged turns", "LeftOpen"),
    Row(23, "two writers",
        "disk/two_writers", "S5", "processes wrote at once"),
    Row(24, "the blocking client in async code",
        "wire/retry_after_59_61_3600", "W4", "held the event loop", "Careless"),
    Row(25, "the whole log is read again for every message",
        "resume/nine_to_two_then_two_days_later", "W4", "bytes_read_per_turn"),
    Row(26, "state in a temporary folder",
        "resume/crash_on_turn_12_resumes_from_11", "S6", "outside", "Careless"),
    Row(27, "the session's id is used as a path",
        "sessions/hostile_session_ids", "S6", "outside"),
    Row(28, "no id, time or version on what is stored",
        "sessions/expiry_at_the_second", "T1", "it still tells of turn"),
    Row(29, "no policy for errors: a stack trace, and the message twice",
        "wire/timeout_before_headers", "P5", "stands twice"),
    Row(30, "an effect is repeated",
        "resume/kill_before_tool_result", "P2", "charge_card ran twice"),
    Row(31, "the file is written and never read",
        "resume/nine_to_two_then_two_days_later", "S1", "acknowledged turns lost", "Careless"),
    Row(32, "the summary is sent as a system role inside the messages",
        "resume/kill_during_summary", "W1", "system_role"),
    Row(33, "a turn counts responses",
        "resume/double_crash", "P4", "expected 6, got 3"),
)  # fmt: skip
INTRO = """# The naive composition, caught

The conversation stack that most tutorials end with has thirty-three ways to fail.
`harness/targets/naive.py` is that stack, taken literally; habits that it does not have are those of
the two targets in `tests/stacks/tutorials.py`. Each row names a story that catches the defect, the
code it is found under, and a token that shows it again:

```
uv run harness replay TOKEN
uv run harness replay TOKEN --target tests/stacks/tutorials.py:Careless
```

Made by `uv run python -m tests.targets.naive_table`; a test holds it to what the stories find.

"""


def found(naive: Iterable[Result] = ()) -> Results:
    """The results of the rows' stories on their targets; what naive did may be known already."""
    results = {("naive", result.story): result for result in naive}
    missing = {(row.target, row.story): row for row in ROWS}
    for target in sorted({target for target, story in missing}):
        rows = [row for key, row in missing.items() if key[0] == target and key not in results]
        name = target if target == "naive" else str(ROOT / target)
        loaded = [row.loaded for row in rows]
        played = play(loaded, target=name, sweeps=False).results if rows else ()
        results |= {(target, row.story): one for row, one in zip(rows, played, strict=True)}
    return results


def finding(row: Row, results: Results) -> Finding | None:
    """The finding that shows the defect."""
    findings = results[row.target, row.story].verdict.findings
    return next((one for one in findings if one.code == row.code and row.says in one.message), None)


def table(results: Results) -> Iterator[str]:
    """The lines of the table."""
    yield "| # | defect | story | code | token | target |"
    yield "|---|---|---|---|---|---|"
    for row in ROWS:
        shown = finding(row, results)
        token = f"`{shown.token}`" if shown else "**not caught**"
        who = f"`{row.tutorial}`" if row.tutorial else "naive"
        yield f"| {row.number} | {row.defect} | {row.story} | {row.code} | {token} | {who} |"


def document(results: Results) -> str:
    """What docs/naive.md says."""
    return INTRO + "\n".join(table(results)) + "\n"


if __name__ == "__main__":
    DOC.write_text(document(found()), encoding="utf-8")
