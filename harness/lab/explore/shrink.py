"""The shortest scenario that still shows it: fewer faults, fewer turns, smaller words, no settings.

Delta debugging over the script itself (Zeller and Hildebrandt, "Simplifying and Isolating
Failure-Inducing Input", 2002): what is tried is always a whole, legal scenario, with the turns of
its faults moved along when lines go. The judge of each try is the caller's; how often it may be
asked is bounded.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.scenario.schema import Scenario
from harness.scenario.sense import complaints

TRIES_MAX = 250
_Data = dict[str, Any]
_SMALL_USER = "Go on."
_SMALL_REPLY = {"text": "Done."}


def shrink(
    scenario: Scenario, shows: Callable[[Scenario], bool], tries_max: int = TRIES_MAX
) -> Scenario:
    """The smallest scenario found for which `shows` holds; it holds for `scenario` itself.

    Greedy: each pass goes on from where it gained, and all of them are gone through again until
    nothing smaller shows it or `shows` has been asked `tries_max` times.
    """
    search = _Search(scenario, shows, tries_max)
    while search.gains():
        pass
    return search.smallest


class _Search:
    def __init__(
        self, scenario: Scenario, shows: Callable[[Scenario], bool], tries_max: int
    ) -> None:
        self.smallest = scenario
        self._data = _unrolled(scenario.dump())
        self._shows = shows
        self._left = tries_max
        self._seen: set[str] = set()

    def gains(self) -> bool:
        """Whether any pass found something smaller."""
        return sum(self._passes(smaller) for smaller in _PASSES) > 0

    def _passes(self, smaller: Callable[[_Data], Iterator[_Data]]) -> bool:
        place, gained = 0, False
        while True:
            for candidate in itertools.islice(smaller(self._data), place, None):
                if self._takes(candidate):
                    gained = True
                    break
                place += 1
            else:
                return gained

    def _takes(self, candidate: _Data) -> bool:
        one = _legal(candidate)
        key = "" if one is None else one.model_dump_json()
        if one is None or key in self._seen or not self._left:
            return False
        self._seen.add(key)
        self._left -= 1
        if not self._shows(one):
            return False
        self.smallest, self._data = one, candidate
        return True


def _legal(data: _Data) -> Scenario | None:
    try:
        scenario = Scenario.model_validate(data)
    except ValueError:
        return None
    ends = all(_ends(line["reply"]) for line in data["script"] if line.get("reply"))
    return None if complaints(scenario) or not ends else scenario


def _ends(reply: Any) -> bool:
    """Whether the last step says something to the user; if not, the mock makes up one that does."""
    last = reply[-1] if isinstance(reply, list) else reply
    return not ({"tool", "tools"} & set(last) or last.get("stop") == "pause_turn")


def _unrolled(data: _Data) -> _Data:
    """Every repetition as single lines with waits between, so that each can go by itself."""
    script: list[_Data] = []
    for line in data["script"]:
        if "repeat" not in line:
            script.append(line)
            continue
        said = {key: line[key] for key in ("user", "reply") if key in line}
        for _ in range(line["repeat"]):
            script += [{"wait": line["every"]}] if line.get("every", "0s") != "0s" else []
            script.append(copy.deepcopy(said))
    return {**data, "script": script}


def _without_faults(data: _Data) -> Iterator[_Data]:
    faults = data.get("faults", [])
    for index in range(len(faults)):
        yield {**data, "faults": faults[:index] + faults[index + 1 :]}


def _without_lines(data: _Data) -> Iterator[_Data]:
    """Half of the lines, a quarter, ... one; faults stay with the turn that they were on."""
    count = len(data["script"])
    size = max(1, count // 2)
    while size:
        for start in range(0, count, size):
            if (rest := _cut(data, start, min(start + size, count))) is not None:
                yield rest
        size //= 2


def _cut(data: _Data, start: int, end: int) -> _Data | None:
    """Without these lines; None where a fault or nobody would be left without a turn."""
    script = data["script"]
    before = sum("user" in line for line in script[:start])
    gone = sum("user" in line for line in script[start:end])
    faults = []
    for fault in data.get("faults", []):
        ((kind, what),) = fault.items()
        places = {key: what[key] for key in ("turn", "of") if key in what}
        if any(before < turn <= before + gone for turn in places.values()):
            return None
        moved = {key: turn - gone if turn > before else turn for key, turn in places.items()}
        faults.append({kind: {**what, **moved}})
    rest = script[:start] + script[end:]
    if not any("user" in line for line in rest):
        return None
    return _tidied({**data, "script": rest, "faults": faults})


def _joined_turns(data: _Data) -> Iterator[_Data]:
    """Neighbouring turns as one that says as much: all up to each fault, all, half, ... two."""
    spoken = [index for index, line in enumerate(data["script"]) if "user" in line]
    fewer: _Data | None = data
    for run in reversed(_up_to_faults(data, spoken)):
        fewer = fewer and (_joined(fewer, run) if len(run) > 1 else fewer)
    if fewer is not None and fewer != data:
        yield from _with_room(fewer)
    size = len(spoken)
    while size > 1:
        for start in range(0, len(spoken) - 1, size):
            if (fewer := _joined(data, spoken[start : start + size])) is not None:
                yield from _with_room(fewer)
        size = -(-size // 2) if size > 2 else 1


def _with_room(data: _Data) -> Iterator[_Data]:
    """As it is, and with room for what several turns say together, which may be cut short."""
    yield data
    stack = {key: value for key, value in data.get("stack", {}).items() if key != "max_tokens"}
    without: _Data = {"expect": {}}
    for less in ({}, without):
        if (roomy := {**data, "stack": stack, **less}) != data:
            yield _tidied(roomy)


def _up_to_faults(data: _Data, spoken: Sequence[int]) -> list[list[int]]:
    """The lines of the turns, in runs of which none but the last holds a fault."""
    whats = [what for fault in data.get("faults", []) for what in fault.values()]
    hit = {what[key] for what in whats for key in ("turn", "of") if key in what}
    runs: list[list[int]] = [[]]
    for number, index in enumerate(spoken, 1):
        runs[-1].append(index)
        if number in hit:
            runs.append([])
    return [run for run in runs if run]


def _joined(data: _Data, lines: Sequence[int]) -> _Data | None:
    """With these lines in the place of the last of them; None where a fault would lose its turn."""
    first, last = lines[0], lines[-1]
    joined = dict(data["script"][last])
    locale = joined["user"] if isinstance(joined["user"], dict) else {}
    users = [data["script"][index]["user"] for index in lines]
    joined["user"] = {**locale, "words": _words(users)}
    if isinstance(joined.get("reply"), dict) and "words" in joined["reply"]:
        replies = [data["script"][index].get("reply") for index in lines]
        joined["reply"] = {**joined["reply"], "words": _words(replies)}
    rest = _cut(data, first, last)
    return None if rest is None else _tidied(_with(rest, "script", first, joined))


def _words(said: Any) -> int:
    """How many words a text or a step says; a range counts as its most."""
    if isinstance(said, list):
        return sum(map(_words, said))
    if isinstance(said, dict):
        words = said.get("words", 0)
        most = words[-1] if isinstance(words, list) else words
        return _words(said.get("text")) + int(most)
    return len(said.split()) if said else 0


def _simpler_faults(data: _Data) -> Iterator[_Data]:
    for index, fault in enumerate(data.get("faults", [])):
        ((kind, what),) = fault.items()
        for key in ("times", "state", "call", "after_chars", "disk", "torn", "retry_after"):
            if key in what:
                less = {name: value for name, value in what.items() if name != key}
                yield _with(data, "faults", index, {kind: less})
        if what.get("disk") == "posix":
            yield _with(data, "faults", index, {kind: {**what, "disk": "ext4"}})


def _simpler_replies(data: _Data) -> Iterator[_Data]:
    for index, line in enumerate(data["script"]):
        if line.get("reply") in (None, _SMALL_REPLY):
            continue
        for reply in _less_said(line["reply"]):
            yield _tidied(_with(data, "script", index, {**line, "reply": reply}))


def _less_said(reply: Any) -> Iterator[Any]:
    yield _SMALL_REPLY
    if not isinstance(reply, list):
        return
    if len(reply) > 1:
        yield from (reply[:index] + reply[index + 1 :] for index in range(len(reply)))
    for index, step in enumerate(reply):
        if step == _SMALL_REPLY:
            continue
        smaller = [_SMALL_REPLY] if index == len(reply) - 1 else []
        calls = step.get("tools", [])
        smaller += [{**step, "tools": calls[:n] + calls[n + 1 :]} for n in range(len(calls))]
        smaller += [
            {name: value for name, value in step.items() if name != key}
            for key in ("text", "think", "words")
            if key in step
        ]
        if len(calls) == 1:
            smaller.append(dict(calls[0]))
        yield from ([*reply[:index], one, *reply[index + 1 :]] for one in smaller)


def _simpler_users(data: _Data) -> Iterator[_Data]:
    for index, line in enumerate(data["script"]):
        if "user" in line and line["user"] != _SMALL_USER:
            yield _with(data, "script", index, {**line, "user": _SMALL_USER})


def _without_settings(data: _Data) -> Iterator[_Data]:
    for room in ("model", "clock", "expect", "sweep"):
        if data.get(room):
            yield {key: value for key, value in data.items() if key != room}
    for key in data.get("stack", {}):
        stack = {name: value for name, value in data["stack"].items() if name != key}
        yield _tidied({**data, "stack": stack})
    if data.get("seed"):
        yield {**data, "seed": 0}


def _with(data: _Data, room: str, index: int, value: Any) -> _Data:
    changed = list(data[room])
    changed[index] = value
    return {**data, room: changed}


def _tidied(data: _Data) -> _Data:
    """Without tools that nobody calls any more, and without empty rooms."""
    called = repr(data["script"])
    tools = {name: spec for name, spec in data.get("tools", {}).items() if repr(name) in called}
    tidy = {**data, "tools": tools}
    return {
        key: value
        for key, value in tidy.items()
        if value or key not in ("tools", "stack", "expect")
    }


_PASSES = (
    _without_faults,
    _joined_turns,
    _without_lines,
    _simpler_faults,
    _simpler_replies,
    _simpler_users,
    _without_settings,
)
"""Everything one step smaller, the largest steps first."""
