"""Where the target's histories part from the conversation that was had.

Each history is laid beside the turns spoken so far. What should be there: every acknowledged turn,
with its user text as spoken and its answer as given, in order, once. What may be there: the turn in
flight, or one given up after an error, in part. A turn that one history was found wrong on is
excused in the later ones, so that one cause is told once. Where the scenario damaged a file at rest
one record may be gone from the history after that: it is the one that was hit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from weakref import WeakKeyDictionary

from harness.checks.evidence.breach import contrast, shorten
from harness.checks.evidence.facts import CUT_SHORT, Evidence, Memory, number
from harness.checks.evidence.transcript import Remembered, read_turns, squeezed
from harness.scenario.plan import Turn

_known: WeakKeyDictionary[Evidence, tuple[Departure, ...]] = WeakKeyDictionary()
"""Several checks ask for the same departures."""
Kind = Literal["departs", "twice", "lost"]


@dataclass(frozen=True)
class Departure:
    """One way in which one history is wrong.

    `departs`: it is no prefix of what happened. `twice`: something in it stands twice. `lost`: it
    ends before `turns`, which were acknowledged. `why` reads on from the turn's number.
    """

    kind: Kind
    memory: Memory
    turns: tuple[int, ...]
    why: str


@dataclass(frozen=True)
class _Expected:
    """A turn as a history may hold it. `answers` are the texts it was acknowledged with."""

    turn: Turn
    answers: tuple[str, ...]
    required: bool
    excused: bool

    def has_answer_in(self, remembered: Remembered) -> bool:
        """Whether one of its answers ends what is remembered."""
        return any(map(remembered.holds, self.answers))

    def stands_as_given_in(self, copies: Sequence[Remembered]) -> bool:
        """Whether it is there once, with one of its answers and nothing else: as nearly all are."""
        first = copies[0]
        return (
            not first.called
            and len(first.texts) == len(copies) == 1
            and (first.texts[0] in self.answers)
        )

    def may_end_with(self, remembered: Remembered) -> bool:
        """The same; of a turn in flight nobody has seen an answer, so its script says what fits."""
        return any(map(remembered.holds, self.answers or (self.turn.final_text,)))


@dataclass
class _Excuses:
    """What was found wrong before: whole turns, and texts that nobody spoke."""

    turns: set[int] = field(default_factory=set)
    doubled: set[int] = field(default_factory=set)
    invented: set[str] = field(default_factory=set)


def departures(evidence: Evidence) -> tuple[Departure, ...]:
    """All departures of all histories, in order, each cause once."""
    known = _known.get(evidence)
    if known is None:
        known = _known[evidence] = _find_departures(evidence)
    return known


def _find_departures(evidence: Evidence) -> tuple[Departure, ...]:
    excuses = _Excuses()
    found: list[Departure] = []
    told_first = _told_first(evidence)
    for memory in evidence.memories:
        reading = _Reading(evidence, memory, excuses)
        departed = list(reading.departures())
        if not (memory.event in told_first and reading.lost_one_record()):
            found.extend(departed)
    return tuple(found)


def _told_first(evidence: Evidence) -> frozenset[int]:
    """The first history after each damage; the process that opened it may have died untold."""
    hits = [number(event.data, "after_crash") for event in evidence.of("damaged")]
    after = ((hit, m) for hit in hits for m in evidence.memories if (m.after_crash or 0) >= hit)
    first: dict[int, int] = {}
    for hit, memory in after:
        first.setdefault(hit, memory.event)
    return frozenset(first.values())


def held_turns(evidence: Evidence, memory: Memory) -> Mapping[int, Sequence[Remembered]]:
    """What one history holds of each turn, by its number; several copies where it doubles."""
    reading = _Reading(evidence, memory, _Excuses())
    reading.lay()
    return reading.held


class _Reading:
    """One history being laid beside the conversation."""

    def __init__(self, evidence: Evidence, memory: Memory, excuses: _Excuses) -> None:
        self.memory = memory
        self.excuses = excuses
        self.expected = _in_their_order(evidence, memory, _spoken(evidence, memory, excuses))
        self.in_pieces = any(row.stop_reason in CUT_SHORT for row in evidence.answers)
        self.held: dict[int, list[Remembered]] = {}
        self.found: list[Departure] = []
        self.next = 0

    def lay(self) -> None:
        """Find every remembered turn's place in the conversation."""
        for remembered in read_turns(self.memory.messages):
            self._place(remembered)

    def departures(self) -> Iterator[Departure]:
        """Lay every turn, then compare the answers, then see what is missing at the end."""
        self.lay()
        held = [item for item in self.expected if item.turn.number in self.held]
        for item in held:
            self._compare(item, is_last=item is held[-1])
        self._missing(self.expected[self.next :], "lost")
        yield from _first_of_each_cause(self.found, self.memory)

    def lost_one_record(self) -> bool:
        """Whether one missing message explains all, and what is there was really said.

        Without its question an answer stands with the turn before; of an answer in several pieces
        one may be gone.
        """
        turns = sorted({turn for departure in self.found for turn in departure.turns})
        if any(departure.kind == "twice" for departure in self.found):
            return False
        if len(turns) > 1 and turns != [turns[0], turns[0] + 1]:
            return False
        users = {None, *(item.turn.user for item in self.expected)}
        said = [text for item in self.expected for text in (*item.answers, *_texts_of(item.turn))]
        script = squeezed("".join(said))
        read = read_turns(self.memory.messages)
        texts = [squeezed(text) for remembered in read for text in remembered.texts]
        odd = [text for text in texts if text not in script]
        return all(remembered.user in users for remembered in read) and (
            not odd or (self.in_pieces and len(odd) == 1 and _lacks_a_piece(odd[0], script))
        )

    def _place(self, remembered: Remembered) -> None:
        place = self._find(remembered)
        if place is None:
            self._stray(remembered)
            return
        self._missing(self.expected[self.next : place], "departs", remembered)
        self.held[self.expected[place].turn.number] = [remembered]
        self.next = place + 1

    def _find(self, remembered: Remembered) -> int | None:
        """Where in the conversation this turn belongs, at or after the one expected next."""
        if self._comes_next(remembered):
            return self.next
        fitting = [
            index
            for index in range(self.next, len(self.expected))
            if self.expected[index].turn.user == remembered.user
        ]
        if self._answers_earlier(remembered) and not any(
            self.expected[index].may_end_with(remembered) for index in fitting
        ):
            # The same words were said before, and this is how they were answered then.
            return None
        near = [index for index in fitting if not self._required_before(index)]
        if not fitting or (not near and self._is_previous(remembered)):
            return None
        alike = (i for i in fitting if self.expected[i].has_answer_in(remembered))
        return next(alike, (near or fitting)[0])

    def _comes_next(self, remembered: Remembered) -> bool:
        if self.next == len(self.expected):
            return False
        item = self.expected[self.next]
        return item.turn.user == remembered.user and item.has_answer_in(remembered)

    def _answers_earlier(self, remembered: Remembered) -> bool:
        return any(
            item.turn.user == remembered.user and item.has_answer_in(remembered)
            for item in self.expected[: self.next]
        )

    def _required_before(self, index: int) -> bool:
        return any(item.required for item in self.expected[self.next : index])

    def _is_previous(self, remembered: Remembered) -> bool:
        before = self.expected[: self.next]
        return bool(before) and before[-1].turn.user == remembered.user

    def _stray(self, remembered: Remembered) -> None:
        """A turn that does not come next: spoken once and here twice, out of order, or unspoken."""
        earlier = sorted(
            self.expected[: self.next],
            key=lambda item: (item.has_answer_in(remembered), item.turn.number),
        )
        for item in reversed(earlier):
            if item.turn.user == remembered.user:
                number = item.turn.number
                if number in self.held:
                    self.held[number].append(remembered)
                    self._twice(number, "its user message stands twice")
                elif not item.excused:
                    self._depart(number, "stands after a later turn")
                return
        if remembered.user is None:
            self._headless(remembered)
        elif remembered.user not in self.excuses.invented:
            self.excuses.invented.add(remembered.user)
            wanted = self._wanted()
            self._depart(*wanted, f"user {shorten(remembered.user)}, which nobody said")

    def _headless(self, remembered: Remembered) -> None:
        """Answers before any user text: the first turn's own, or nobody's."""
        if not (remembered.texts or remembered.called):
            return
        first = next((item for item in self.expected if item.required), None)
        if first is not None:
            self.next = self.expected.index(first) + 1
            self._depart(
                first.turn.number,
                f"expected user {shorten(first.turn.user)}, got assistant "
                f"{shorten(remembered.said)}",
            )
        elif not any(item.excused or remembered.is_part_of(item.turn) for item in self.expected):
            self._depart(1, f"got assistant {shorten(remembered.said)}, which nobody said")

    def _wanted(self) -> tuple[int, str]:
        if self.next < len(self.expected):
            turn = self.expected[self.next].turn
            return turn.number, f"expected user {shorten(turn.user)}, got "
        number = self.expected[-1].turn.number if self.expected else 1
        return number, "expected nothing more, got "

    def _compare(self, item: _Expected, *, is_last: bool) -> None:
        """Whether an answer is as it was given; in a turn not acknowledged, any part will do."""
        number, copies = item.turn.number, self.held[item.turn.number]
        if item.excused or item.stands_as_given_in(copies):
            return
        if not all(copy.is_part_of(item.turn, item.answers) for copy in copies):
            expected = item.answers[0] if item.answers else item.turn.final_text
            got = "\n".join(copy.said for copy in copies)
            self._depart(number, f"as its answer {contrast(expected, got)}")
        elif any(map(item.has_answer_in, copies)):
            self._answered_twice(item, copies)
        elif any(copy.answers(item.turn) for copy in copies):
            # All that the model said is there; that less was shown is told under P5.
            return
        elif item.required and is_last:
            self._lose((number,))
        elif item.required:
            got = shorten(copies[0].said) if copies[0].texts else "none"
            self._depart(number, f"expected its answer {shorten(item.answers[0])}, got {got}")

    def _answered_twice(self, item: _Expected, copies: Sequence[Remembered]) -> None:
        texts = [text for copy in copies for text in copy.texts]
        for answer in item.answers:
            scripted = sum(step.text == answer for step in item.turn.steps)
            if answer and texts.count(answer) > max(scripted, 1):
                self._twice(item.turn.number, "its answer stands twice")

    def _missing(
        self, items: Sequence[_Expected], kind: Kind, instead: Remembered | None = None
    ) -> None:
        missing = [
            item.turn
            for item in items
            if item.required and item.turn.number not in self.excuses.turns
        ]
        if not missing:
            return
        if kind == "lost":
            self._lose(tuple(turn.number for turn in missing))
        elif instead is not None and instead.user is not None:
            for turn in missing:
                what = "user", turn.user, instead.user
                if turn.user == instead.user:
                    what = "as its answer", turn.final_text, instead.said
                self._depart(turn.number, f"{what[0]} {contrast(*what[1:])}")

    def _depart(self, number: int, *why: str) -> None:
        self.excuses.turns.add(number)
        self.found.append(Departure("departs", self.memory, (number,), "".join(why)))

    def _lose(self, numbers: tuple[int, ...]) -> None:
        self.excuses.turns.update(numbers)
        self.found.append(Departure("lost", self.memory, numbers, "not there"))

    def _twice(self, number: int, why: str) -> None:
        if number not in self.excuses.doubled:
            self.excuses.doubled.add(number)
            self.found.append(Departure("twice", self.memory, (number,), why))


def _spoken(evidence: Evidence, memory: Memory, excuses: _Excuses) -> list[_Expected]:
    """The turns that a history may hold: all that were spoken before it was asked for."""
    spoken = {sending.turn for sending in evidence.sendings if sending.start < memory.event}
    spoken |= {c.turn for c in evidence.crashes if c.event < memory.event and c.turn is not None}
    answered = evidence.answered_turns
    answers: dict[int, list[str]] = {}
    for said in (*evidence.returned, *evidence.delivered):
        if said.event < memory.event:
            answers.setdefault(said.turn, []).append(said.text)
    return [
        _Expected(
            turn=turn,
            answers=tuple(dict.fromkeys(answers.get(turn.number, ()))),
            required=turn.number in answers
            and turn.number in answered
            and turn.number not in excuses.turns,
            excused=turn.number in excuses.turns,
        )
        for turn in evidence.plan.turns
        if turn.number in spoken
    ]


def _in_their_order(
    evidence: Evidence, memory: Memory, expected: list[_Expected]
) -> list[_Expected]:
    """Messages that were sent at once may stand in any order: in the one that they stand in."""
    if not evidence.together:
        return expected
    texts = [remembered.user for remembered in read_turns(memory.messages)]

    def place(item: _Expected) -> tuple[int, int]:
        number = item.turn.number
        for together in evidence.together:
            if number in together.turns:
                there = item.turn.user in texts
                return together.turns[0], texts.index(item.turn.user) if there else len(texts)
        return number, 0

    return sorted(expected, key=place)


def _texts_of(turn: Turn) -> Iterator[str]:
    return (step.text for step in turn.steps if step.text)


def _lacks_a_piece(text: str, script: str) -> bool:
    """Whether a text is two parts of what was said, one after the other."""
    known, unknown = 0, len(text)
    while unknown - known > 1:
        middle = (known + unknown) // 2
        known, unknown = (middle, unknown) if text[:middle] in script else (known, middle)
    return known > 0 and text[known:] in script[script.find(text[:known]) + known :]


def _first_of_each_cause(found: Sequence[Departure], memory: Memory) -> Iterator[Departure]:
    """One departure a history, its earliest; one loss, of all its turns; each doubled turn."""
    departed = sorted((d for d in found if d.kind == "departs"), key=lambda d: d.turns)
    lost = sorted({turn for d in found if d.kind == "lost" for turn in d.turns})
    yield from departed[:1]
    if lost:
        yield Departure("lost", memory, tuple(lost), "not there")
    yield from (d for d in found if d.kind == "twice")
