"""Each check catches the stack that breaks its promise, and lets the honest one pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.checks.expect import CODES
from harness.checks.judge import CHECKS, NEEDS
from harness.checks.verdict import Verdict
from harness.lab.play import play
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario

HERE = Path(__file__).parent
CHAT: list[dict[str, Any]] = [
    {"user": f"Question number {n}?", "reply": {"text": f"Answer number {n}."}} for n in range(1, 5)
]
BOOKING: list[dict[str, Any]] = [
    CHAT[0],
    {
        "user": "Book us a table",
        "reply": [{"tool": "book_table", "input": {"seats": 2}}, {"text": "Done."}],
    },
    CHAT[2],
]


def crash(turn: int, at: str) -> list[dict[str, Any]]:
    """One scripted crash."""
    return [{"crash": {"turn": turn, "at": at}}]


def booking(contract: str, at: str) -> dict[str, Any]:
    """A booking in turn 2 that a crash interrupts."""
    tools = {"book_table": {"returns": {"ok": True}, "contract": contract}}
    return {"script": BOOKING, "tools": tools, "faults": crash(2, at)}


@dataclass(frozen=True)
class Broken:
    """A promise, the file of the stack that breaks it, and the scenario that shows it."""

    code: str
    file: str
    tells: dict[str, Any]
    honest: str = "honest.py:Honest"

    @property
    def scenario(self) -> Scenario:
        """The scenario, named after the stack."""
        return Scenario.model_validate({"name": self.file, **self.tells})


WRITERS = {"script": CHAT, "faults": [{"writer": {"turn": 2, "sessions": 3}}]}
STACKS = (
    Broken("P1", "p1_forgets_middle", {"script": CHAT, "faults": crash(4, "reply.received")}),
    Broken("P2", "p2_books_twice", booking("at_most_once", "tool.done")),
    Broken("P2", "p2_books_twice", booking("idempotent", "tool.done")),
    Broken("P2", "p2_never_books", booking("at_least_once", "tool.called")),
    Broken("P3", "p3_draws_lots", {"script": CHAT, "faults": crash(3, "reply.received")}),
    Broken("P4", "p4_runs_ahead", {"script": CHAT, "faults": crash(3, "request.sent")}),
    Broken(
        "P4",
        "p4_keeps_no_checkpoint",
        {
            "script": CHAT,
            "stack": {"checkpoint_every": 3},
            "faults": crash(4, "reply.received"),
        },
    ),
    Broken(
        "P4",
        "p4_keeps_no_checkpoint",
        {
            "script": CHAT,
            "faults": crash(4, "reply.received"),
            "expect": {"resume": {"transcript": 3, "tool_state": 3}},
        },
    ),
    Broken("P5", "p5_hears_twice", {"script": CHAT, "faults": crash(3, "reply.received")}),
    Broken(
        "P5", "p5_hears_twice", {"script": CHAT, "faults": [{"redelivery": {"turn": 4, "of": 2}}]}
    ),
    Broken(
        "P6",
        "p6_forgets_on_its_way_up",
        {"script": CHAT[:2], "sweep": {"disk": ["kill"], "depth": 2}},
    ),
    Broken(
        "P5",
        "p5_shows_half",
        {"script": CHAT, "faults": [{"stream": {"turn": 2, "cut": "eof", "after_chars": 8}}]},
    ),
    Broken(
        "P5",
        "p5_says_half",
        {
            "script": [{"user": "Tell me all", "reply": {"words": 60}}],
            "stack": {"max_tokens": 80},
        },
    ),
    Broken("S1", "s1_writes_at_close", {"script": CHAT, "faults": crash(3, "reply.received")}),
    Broken("S2", "s2_trips_over_its_lock", {"script": CHAT, "faults": crash(2, "request.sent")}),
    Broken(
        "S3",
        "s3_keeps_the_next_turn_to_itself",
        {
            "script": CHAT,
            "faults": [*crash(2, "reply.received"), *crash(2, "reply.delivered")],
        },
    ),
    Broken(
        "S4",
        "s4_swallows_errors",
        {"script": CHAT, "faults": [{"disk": {"turn": 2, "on": "fsync", "error": "EIO"}}]},
    ),
    Broken("S5", "s5_lets_two_in", WRITERS, "locked.py:Locked"),
    Broken("S5", "s5_lets_two_in", WRITERS, "locked.py:Queued"),
    Broken("S5", "s5_takes_two_at_once", WRITERS, "locked.py:Locked"),
    Broken("S6", "s6_writes_beside_its_home", {"script": CHAT}),
    Broken("S6", "s6_reads_its_neighbours", {"script": CHAT}),
    Broken("S6", "s6_lets_others_read", {"script": CHAT}),
    Broken("W1", "w1_leaves_calls_open", booking("idempotent", "tool.called")),
    Broken(
        "W2",
        "w2_overfills_its_window",
        {"script": CHAT, "stack": {"window_tokens": 2000, "system": "Be brief."}},
    ),
    Broken(
        "W3",
        "w3_cuts_the_question_short",
        {
            "script": [
                {
                    "user": "Note this well: " + "seven red apples, " * 30,
                    "reply": {"text": "Noted."},
                }
            ],
            "stack": {"window_tokens": 6000},
        },
    ),
    Broken("W3", "w3_forgets_its_pins", {"script": [{**CHAT[0], "pin": True}, *CHAT[1:]]}),
    Broken("W4", "w4_asks_in_circles", {"script": CHAT}),
    Broken(
        "W5",
        "w5_forgets_its_books",
        {"script": CHAT, "faults": crash(3, "reply.received")},
        "bookkeeper.py:Bookkeeper",
    ),
    Broken(
        "W5",
        "w5_forgets_what_was_lost",
        {"script": CHAT, "faults": crash(3, "reply.received")},
        "bookkeeper.py:Bookkeeper",
    ),
    Broken(
        "W5",
        "w5_forgets_what_was_lost",
        {"script": CHAT, "faults": [{"http": {"turn": 3, "status": 529, "times": 2}}]},
        "bookkeeper.py:Bookkeeper",
    ),
    Broken("W6", "w6_spoils_its_cache", {"script": CHAT, "stack": {"system": "Be brief."}}),
    Broken(
        "W6",
        "w6_spoils_its_cache",
        {
            "script": CHAT,
            "stack": {"system": "Answer in one short sentence, and be kind. " * 1000},
            "expect": {"cache_read_share": {"min": 0.5}},
        },
    ),
    Broken("W7", "w7_calls_home", {"script": CHAT}),
    Broken(
        "T1",
        "t1_cannot_wait",
        {"script": CHAT, "faults": [{"http": {"turn": 2, "status": 429, "retry_after": "40s"}}]},
    ),
    Broken(
        "T1",
        "t1_waits_for_the_clock",
        {"script": CHAT, "faults": [{"clock": {"turn": 3, "jump": "-2h"}}]},
    ),
)
PLACES = range(len(STACKS))
NAMES = [f"{place}-{stack.code}-{stack.file}" for place, stack in enumerate(STACKS)]


@cache
def verdicts(target: str, stacks: tuple[int, ...]) -> dict[int, Verdict]:
    """The verdicts on a target in these stacks' scenarios, by their place in the table."""
    loaded = [
        Loaded(f"tests/broken/{STACKS[place].file}_{place}.scenario.yaml", STACKS[place].scenario)
        for place in stacks
    ]
    results = play(loaded, target=f"{HERE / target}").results
    return {place: result.verdict for place, result in zip(stacks, results, strict=True)}


@pytest.mark.parametrize("place", PLACES, ids=NAMES)
def test_a_check_catches_the_stack_that_breaks_its_promise(place: int) -> None:
    file = STACKS[place].file
    same_file = tuple(other for other in PLACES if STACKS[other].file == file)
    verdict = verdicts(f"{file}.py:Broken", same_file)[place]

    assert verdict.outcome == "fail"
    assert {finding.code for finding in verdict.findings} == {STACKS[place].code}


@pytest.mark.parametrize("place", PLACES, ids=NAMES)
def test_the_honest_stack_passes_the_same_scenario(place: int) -> None:
    honest = STACKS[place].honest
    alike = tuple(other for other in PLACES if STACKS[other].honest == honest)
    verdict = verdicts(honest, alike)[place]

    assert (verdict.findings, verdict.reasons, verdict.outcome) == ((), (), "pass")


def test_every_check_has_a_stack_that_breaks_its_promise() -> None:
    assert {stack.code for stack in STACKS} == CHECKS.keys() | set(CODES.values())


def test_every_promise_that_needs_a_capability_is_judged_where_it_is_there() -> None:
    assert NEEDS.keys() <= CHECKS.keys()


def test_every_stack_here_is_in_the_table() -> None:
    files = {path.stem for path in HERE.glob("[a-z][0-9]_*.py")}

    assert files == {stack.file for stack in STACKS}
