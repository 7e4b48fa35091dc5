"""The verdict: fail before invalid, invalid before pass, and a broken check is never a pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks import judge as judging
from harness.checks.evidence.breach import Breach
from harness.checks.judge import CHECKS, OF_MEMORY, judge
from harness.record import Event, Record
from tests.checks.building import (
    CONTRACTS,
    Honest,
    after,
    booking,
    changed,
    chat,
    dying,
    perfect,
    without,
)


@st.composite
def crashed_conversations(draw: st.DrawFn) -> Record:
    """A perfect conversation with up to four deaths, anywhere between its events."""
    steps = st.sampled_from(
        (
            {"text": "A plain answer."},
            [{"tool": "pay", "input": {"sum": 1}}, {"text": "Paid."}],
            [
                {"text": "Two.", "tools": [{"tool": "pay", "input": {}}] * 2},
                {"tool": "pay", "input": {}},
                {"text": "All three."},
            ],
        )
    )
    users = st.sampled_from(("Hello?", "Go on.", "Pay him.", "日本語で\u2028お願い"))
    script = draw(
        st.lists(st.fixed_dictionaries({"user": users, "reply": steps}), min_size=1, max_size=5)
    )
    tools = {"pay": {"contract": draw(st.sampled_from(CONTRACTS))}}
    scenario = chat(1).model_copy()
    scenario = type(scenario).model_validate({"name": "drawn", "script": script, "tools": tools})
    strokes = Honest(scenario)
    strokes.play()
    kill_at = draw(st.frozensets(st.integers(0, strokes.strokes + 3), max_size=4))
    return perfect(scenario, *kill_at)


@given(crashed_conversations())
def test_an_honest_stack_passes_wherever_it_dies(record: Record) -> None:
    verdict = judge(record)

    assert (verdict.outcome, verdict.findings, verdict.reasons) == ("pass", (), ())


def test_a_turn_in_flight_that_says_the_same_as_the_one_before_is_no_double() -> None:
    same = {"user": "Go on.", "reply": {"text": "A plain answer."}}
    scenario = chat(1).model_validate({"name": "the same twice", "script": [same, same]})
    record = dying(scenario, 2, "reply.returned")
    assert judge(record).findings == ()


@given(crashed_conversations())
def test_the_same_record_gets_the_same_verdict(record: Record) -> None:
    assert judge(record) == judge(record)


def test_a_clean_record_passes_and_is_counted() -> None:
    verdict = judge(perfect(chat(turns=3)))

    assert verdict.outcome == "pass"
    assert verdict.numbers.requests == 3
    assert verdict.numbers.input_tokens == 300
    assert verdict.numbers.output_tokens == 60
    assert verdict.numbers.cost_usd == pytest.approx(0.03)
    assert verdict.numbers.virtual_s > 0
    assert (verdict.numbers.crash_points_planned, verdict.numbers.crash_points_fired) == (0, 0)


def test_a_finding_carries_the_crash_that_explains_it() -> None:
    scenario = chat(faults=[{"crash": {"turn": 3, "at": "reply.received"}}])
    record = changed(perfect(scenario), "crashed", tier="ext4", where="stack.py:88  append(reply)")
    verdict = judge(changed(record, "history", messages=[]))

    assert verdict.outcome == "fail"
    (finding,) = verdict.findings
    assert (finding.code, finding.tier, finding.turn) == ("S1", "ext4", 1)
    assert finding.where == "stack.py:88  append(reply)"
    assert finding.token == record.header.token
    assert (verdict.numbers.crash_points_planned, verdict.numbers.crash_points_fired) == (1, 1)


def test_findings_come_in_the_order_in_which_they_happened() -> None:
    refused = ("network.refused", {"address": "192.0.2.1:443", "what": "connect"})
    record = after(perfect(chat()), "user.received", 2, refused)
    record = changed(record, "model.answered", 0, status=400, error_message="no", rule="shape")

    assert [finding.code for finding in judge(record).findings] == ["W1", "W7"]


def test_a_finding_beats_an_invalid_reason() -> None:
    scenario = chat(faults=[{"http": {"turn": 9, "status": 529}}])
    refused = ("network.refused", {"address": "192.0.2.1:443", "what": "connect"})
    verdict = judge(after(perfect(scenario), "opened", 0, refused))

    assert verdict.outcome == "fail"
    assert any("never fired" in reason for reason in verdict.reasons)


def test_a_check_that_breaks_makes_the_verdict_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_evidence: object) -> list[Breach]:
        raise ZeroDivisionError("nothing to divide")

    monkeypatch.setattr(judging, "CHECKS", {**CHECKS, "P2": breaks})
    verdict = judge(perfect(chat()))

    assert verdict.outcome == "invalid"
    assert verdict.reasons == ("check P2 broke: ZeroDivisionError: nothing to divide",)


def test_an_event_without_its_data_is_invalid_and_no_pass() -> None:
    record = perfect(booking())
    verdict = judge(
        Record(
            record.header,
            [replace(e, data={}) if e.kind == "tool.effect" else e for e in record.events],
        )
    )

    assert verdict.outcome == "invalid"
    assert any(reason.startswith("check P2 broke: KeyError") for reason in verdict.reasons)


def test_ledger_rows_that_cannot_be_read_are_invalid_and_no_pass() -> None:
    verdict = judge(changed(perfect(chat()), "model.answered", cost_usd=None, path=None, step="x"))

    assert verdict.outcome == "invalid"


def test_a_header_without_a_scenario_is_invalid() -> None:
    record = perfect(chat())
    verdict = judge(Record(replace(record.header, scenario={"name": "nothing else"})))

    assert verdict.outcome == "invalid"
    assert "holds no scenario that can be judged" in verdict.reasons[0]


def test_a_record_cut_short_is_invalid() -> None:
    verdict = judge(without(perfect(chat()), "ended"))

    assert verdict.outcome == "invalid"
    assert "not played to its end" in verdict.reasons[0]


def test_a_store_is_not_held_to_what_the_plain_loop_does() -> None:
    record = perfect(booking(), store=True, capabilities=())
    record = changed(record, "model.answered", 1, status=400, error_message="no", rule="shape")
    twice = {"call_id": "again", "name": "book_table", "input": {"seats": 2}, "fresh": True}
    verdict = judge(after(record, "tool.effect", 0, ("tool.effect", twice)))

    assert verdict.findings == ()
    assert {"P2", "P5", "W1", "W2", "W4", "W7"} <= set(verdict.not_applicable)


def test_a_promise_without_its_capability_is_not_applicable() -> None:
    assert judge(perfect(chat(), capabilities=())).not_applicable == ("P4", "W5")
    everything = perfect(chat(), capabilities=("checkpoint", "usage", "window"))
    assert judge(everything).not_applicable == ()


def test_a_conversation_that_stopped_can_be_judged_for_what_it_remembers_alone() -> None:
    record = without(perfect(chat(3)), "reply.delivered", 2)
    assert judge(record).outcome == "fail"
    assert judge(record, OF_MEMORY).outcome == "pass"
    forgetful = changed(record, "history", messages=[])
    codes = {finding.code for finding in judge(forgetful, OF_MEMORY).findings}
    assert codes
    assert codes <= set(OF_MEMORY)
    assert judge(without(record, "ended"), OF_MEMORY).outcome == "invalid"


def _raising(record: Record, where: str | None) -> Record:
    """The session cannot be opened at the end; `where` is the line that raised."""
    failed = {"error": "ValueError: no", "trace": [], "where": where}
    last = next(event for event in reversed(record.events) if event.kind == "history")
    return after(record, "history", _nth(record, last), ("open.failed", failed))


def _nth(record: Record, wanted: Event) -> int:
    return [event.n for event in record.of(wanted.kind)].index(wanted.n)


def test_what_raised_without_a_crash_is_found_at_the_targets_own_line() -> None:
    findings = judge(_raising(perfect(chat(2)), "mine.py:7 raise ValueError")).findings
    (finding,) = [finding for finding in findings if finding.code == "S2"]
    assert finding.where == "mine.py:7 raise ValueError"
    (finding,) = [
        one for one in judge(_raising(perfect(chat(2)), None)).findings if one.code == "S2"
    ]
    assert finding.where is None


def test_after_a_crash_the_line_that_raised_is_told_and_a_line_it_died_on_keeps_its_place() -> None:
    died = changed(dying(chat(3), 2, "reply.received"), "crashed", where="mine.py:3 save()")
    findings = judge(_raising(died, "mine.py:7 raise ValueError")).findings
    (finding,) = [finding for finding in findings if finding.code == "S2"]
    assert finding.where == "mine.py:3 save()"
    assert finding.message.endswith("ValueError: no; raised at mine.py:7 raise ValueError")
    nowhere = changed(died, "crashed", where=None)
    findings = judge(_raising(nowhere, "mine.py:7 raise ValueError")).findings
    (finding,) = [finding for finding in findings if finding.code == "S2"]
    assert finding.where == "mine.py:7 raise ValueError"
