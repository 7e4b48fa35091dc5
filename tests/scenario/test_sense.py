"""What a well-formed scenario says that cannot be, found before anything is played."""

from __future__ import annotations

import pytest

from harness.scenario.document import parse
from harness.scenario.load import ScenarioError, scenario_of

HEAD = (
    "name: x\ntools: {book: {}, pay: {}}\nscript:\n"
    "  - user: a\n  - {repeat: 3, every: 1h, user: b}\n"
)


def refusal(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        scenario_of(parse(text, "a"))
    return str(caught.value)


def accepted(text: str) -> bool:
    return scenario_of(parse(text, "a")).name == "x"


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ("faults: [{http: {turn: 5, status: 529}}]", "a:6:24: expected a turn from 1 to 4, got 5"),
        ("faults: [{tool: {turn: 9, crash: before}}]", "expected a turn from 1 to 4, got 9"),
        ("expect: {resume: {transcript: 1}}", "a:6:10: expected a crash to resume from, got none"),
        ("expect: {cache_read_share: {min: 50}}", "expected a share from 0 to 1, got 50"),
        ("expect: {input_tokens_total: {max: 0}}", "expected at least 1, got 0"),
        ("expect: {attempts_per_turn: {max: 0.5}}", "expected at least 1, got 0.5"),
        ("expect: {cost_usd: {max: 0}}", "expected more than 0, got 0"),
    ],
)
def test_what_cannot_be_is_refused(tail: str, message: str) -> None:
    assert message in refusal(HEAD + tail)


def test_more_crashes_expected_than_scripted_counts_deaths_in_tools_too() -> None:
    faults = "faults: [{crash: {turn: 1, at: reply.received}}, {tool: {turn: 3, crash: during}}]\n"
    assert accepted(HEAD + faults + "expect: {resume: {after_crash: 2, transcript: 3}}")
    third = refusal(HEAD + faults + "expect: {resume: {after_crash: 3, transcript: 3}}")
    assert "expected a crash from 1 to 2, got 3; the scenario has 2 crashes" in third


def test_no_target_can_be_further_than_the_turn_of_the_crash() -> None:
    fault = "faults: [{crash: {turn: 2, at: reply.delivered}}]\n"
    assert accepted(HEAD + fault + "expect: {resume: {transcript: 2}}")
    message = refusal(HEAD + fault + "expect: {resume: {transcript: 3, tool_state: 4}}")
    assert "a:7:31: expected at most 2, got 3; crash 1 is in turn 2" in message
    assert "expected at most 2, got 4" in message


def test_a_budget_of_nothing_is_legal_where_every_request_may_be_refused() -> None:
    fault = "faults: [{http: {turn: 1, status: 400}}]\n"
    assert accepted(HEAD + fault + "expect: {input_tokens_total: {max: 0}}")


def test_an_undeclared_tool_is_named_with_what_there_is() -> None:
    script = "script: [{user: a, reply: [{tools: [{tool: book}, {tool: bok}]}, {text: b}]}]"
    message = refusal(f"name: x\ntools: {{book: {{}}}}\n{script}")
    assert message == "a:3:58: expected a tool of this scenario, got 'bok'; did you mean `book`?"
    assert "there are none" in refusal("name: x\nscript: [{user: a, reply: {tool: book}}]")


@pytest.mark.parametrize(
    "line",
    [
        "user: {words: 3, locale: xx_XX}",
        "{user: a, reply: {words: 3, locale: xx_XX}}",
        "{user: a, reply: [{text: a, think: {words: 3, locale: xx_XX}}]}",
    ],
)
def test_an_unknown_locale_is_refused_wherever_words_are_spoken(line: str) -> None:
    message = refusal(f"name: x\nscript:\n - {line}\n")
    assert "expected a locale of Faker such as de_DE or ja_JP, got 'xx_XX'" in message


def test_known_locales_are_spoken() -> None:
    assert accepted("name: x\nscript: [{user: {words: 3, locale: ja_JP}}]")


def test_a_sweep_may_name_disks_and_a_depth() -> None:
    assert accepted(HEAD + "sweep: {disk: [kill, ext4], depth: 2}")


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (
            "{writer: {turn: 3, sessions: 4}}",
            "a:6:11: expected at most 2 from turn 3 on, got 4; each process sends one of the "
            "script's next messages",
        ),
        (
            "{writer: {turn: 2}}, {http: {turn: 3, status: 529}}",
            "a:6:11: expected no other fault in turns 2 to 3, got one; several processes share "
            "them",
        ),
        (
            "{writer: {turn: 2}}, {disk: {turn: 4, on: fsync, error: EIO}}",
            "a:6:11: expected no fault of the disk in the same scenario, got one; a recorder "
            "watches one process",
        ),
    ],
)
def test_several_processes_need_messages_and_the_turns_to_themselves(
    faults: str, message: str
) -> None:
    assert refusal(f"{HEAD}faults: [{faults}]") == message


def test_only_what_was_said_before_can_be_delivered_again() -> None:
    assert refusal(f"{HEAD}faults: [{{redelivery: {{turn: 2, of: 2}}}}]") == (
        "a:6:37: expected a turn before 2, got 2; only what was said can be delivered again"
    )
    assert accepted(f"{HEAD}faults: [{{redelivery: {{turn: 2, of: 1}}}}]")


def test_several_processes_may_share_turns_that_nothing_else_happens_in() -> None:
    faults = "{writer: {turn: 2, sessions: 3}}, {crash: {turn: 1, at: reply.received}}"
    assert accepted(f"{HEAD}faults: [{faults}]")


@pytest.mark.parametrize(
    "fault",
    [
        "disk: {turn: 1, on: fsync, error: EIO}",
        "crash: {turn: 1, at: write checkpoint}",
        "crash: {turn: 1, at: checkpoint.stored}",
        "crash: {turn: 1, at: reply.received, disk: ext4, state: 2}",
    ],
)
def test_faults_of_the_disk_are_played(fault: str) -> None:
    assert accepted(f"{HEAD}faults: [{{{fault}}}]")


def test_a_kill_leaves_one_state_and_no_choice() -> None:
    message = refusal(HEAD + "faults: [{crash: {turn: 1, at: reply.received, state: 2}}]")
    assert message == (
        "a:6:48: expected `disk: ext4` or `disk: posix` beside `state`, got a kill; it leaves one "
        "state, so leave `state` out"
    )


def test_a_call_that_may_not_be_reached_is_left_to_the_run() -> None:
    assert accepted(HEAD + "faults: [{tool: {turn: 1, crash: before, call: 9}}]")


def test_the_script_is_bounded_in_turns_and_in_time() -> None:
    many = "".join(f" - {{repeat: 100000, user: {n}a}}\n" for n in range(2))
    assert "expected at most 100000 turns, got 200000" in refusal(f"name: x\nscript:\n{many}")
    long = "name: x\nscript:\n - {user: a}\n - {wait: 9999d}\n"
    assert "expected waits of at most 3660 days in all, got 9999" in refusal(long)


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ("expect: {lost_turns: 1}", "a:6:22: expected 0, got 1; S1 holds in every scenario"),
        ("expect: {rejected_requests: 2}", "a:6:29: expected 0, got 2; W1 holds"),
        ("expect: {repeated_effects: 1}", "a:6:28: expected 0, got 1; P2 holds"),
        ("expect: {failed_sends: 1}", "a:6:24: expected 0, got 1; P5 holds"),
        (
            "faults: [{crash: {turn: 4, at: reply.received}}]\n"
            "expect: {resume: {transcript: 2, tool_state: 3}}",
            "a:7:46: expected at most 2, got 3; a checkpoint ahead of the transcript breaks P4",
        ),
    ],
)
def test_numbers_that_contradict_a_promise_are_refused(tail: str, message: str) -> None:
    assert refusal(HEAD + tail).startswith(message)


BUSY = """\
name: x
tools: {book: {takes: 90s, contract: at_least_once}}
script:
  - user: a
    reply: [{tool: book}, {tool: book}, {text: done}]
"""


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("attempts_per_turn: {max: 2}", "a:6:35: expected at least 3, got 2; a turn of the script"),
        ("seconds_per_turn: {max: 100}", "a:6:34: expected at least 182.4, got 100; a turn"),
    ],
)
def test_numbers_that_no_target_could_keep_are_refused(expect: str, message: str) -> None:
    assert refusal(f"{BUSY}expect: {{{expect}}}").startswith(message)


@pytest.mark.parametrize(
    "tail",
    [
        "expect: {attempts_per_turn: {max: 3}, seconds_per_turn: {max: 183}}",
        "expect: {repeated_effects: 1}",
        "faults: [{http: {turn: 1, status: 529}}]\nexpect: {failed_sends: 1}",
    ],
)
def test_numbers_that_some_target_can_keep_are_accepted(tail: str) -> None:
    assert accepted(BUSY + tail)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("name: x\ntools: {a: {takes: 3d}}\nscript: [{user: a}]", "a:2:20:"),
        ("name: x\nmodel: {first_token: 49h}\nscript: [{user: a}]", "a:2:22:"),
        ("name: x\nscript: [{user: a, reply: {text: b, first_token: 50h}}]", "a:2:50:"),
        (
            "name: x\nscript: [{user: a}]\n"
            "faults: [{http: {turn: 1, status: 429, retry_after: 3d}}]",
            "a:3:53:",
        ),
    ],
)
def test_what_would_take_for_ever_is_refused(text: str, place: str) -> None:
    message = refusal(text)
    assert message.startswith(f"{place} expected at most 48 hours, got ")
    assert message.endswith("is ended: put a `wait` between turns")
