"""What is wrong with a scenario's shape, in sentences: pydantic's errors put into the user's words.

pydantic names a place by its `loc`, in which the tags and class names of unions stand between the
keys; walking the model beside it strips them. Of several errors on one way the deepest speaks: a
union reports each of its branches, and a list whose item is wrong reports itself too short.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from harness.scenario.document import Step
from harness.scenario.faults import BOUNDARIES
from harness.scenario.schema import Scenario

GIVEN_MAX = 40
_KINDS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping",
    "mapping": "a mapping",
    "model": "a mapping",
    "datetime": "a time such as 2026-03-02T09:00:00Z",
}
_FORMS = {
    "Step": "{{text: {0}}}",
    "Say": "user: {0}",
    "Words": "{{words: [20, 80]}}",
    "Call": "{{tool: {0}, input: {{}}}}",
    "ToolSpec": "{{returns: {0}}}",
    "Model": "{{name: {0}}}",
    "Clock": "{{start: {0}}}",
    "Stack": "{{window_tokens: {0}}}",
    "RateLimits": "{{requests: {0}}}",
    "Most": "{{max: {0}}}",
    "Least": "{{min: {0}}}",
    "ExpectResume": "{{after_crash: 1, transcript: {0}}}",
    "Sweep": "{{crash: every-operation, disk: [kill]}}",
    "Fault": "crash: {{turn: 1, at: reply.received}}",
    "Crash": "{{turn: 1, at: reply.received}}",
    "Http": "{{turn: 1, status: 529}}",
    "Stream": "{{turn: 1, cut: reset}}",
    "Disk": "{{turn: 1, on: fsync, error: EIO}}",
    "ToolFault": "{{turn: 1, crash: after_effect}}",
    "Writer": "{{turn: 1, sessions: 2}}",
    "ClockJump": "{{turn: 1, jump: -2h}}",
    "Damage": "{{turn: 1, file: '*.jsonl'}}",
    "Neighbour": "{{turn: 1, session: other, says: hello}}",
    "Redelivery": "{{turn: 2, of: 1}}",
}
"""How each mapping is written, with what was given in its place."""
_ADDED = {
    "user": "add what the user says: `user: hello`",
    "script": "add it, or let `harness init` write a first scenario",
    "name": "add what it proves: `name: a crash on turn 3 resumes from turn 2`",
    "turn": "add it: `turn: 1`",
    "at": "add where it dies: `at: reply.received`",
}
_MEANT = {
    "assistant": "what is answered is `reply: {text: ...}`",
    "role": "a line is `user: ...` and `reply: {text: ...}`",
    "content": "a line is `user: ...` and `reply: {text: ...}`",
    "kill": "a death is `crash: {turn: 1, at: reply.received}`",
}
"""What whoever writes these keys means."""
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong, at the value at the end of `way`, or at its key."""

    way: tuple[Step, ...]
    message: str
    at_key: bool = False


@dataclass(frozen=True)
class _Error:
    """A pydantic error on the way it has in the file."""

    way: tuple[Step, ...]
    kind: str
    raw: Mapping[str, Any]
    known: tuple[str, ...]
    wants: str = ""
    """The name of the mapping that belongs here."""

    @property
    def is_kind(self) -> bool:
        """Whether the value is of the wrong kind altogether (so another branch may fit)."""
        return self.kind.endswith("_type") or self.kind.endswith("_parsing")


def complaints(error: ValidationError) -> list[Complaint]:
    """A sentence for each place that is wrong."""
    errors = [_located(raw) for raw in error.errors(include_url=False)]
    ways = {one.way for one in errors}
    ancestors = {way[:length] for way in ways for length in range(len(way))}
    by_way: dict[tuple[Step, ...], list[_Error]] = {}
    for one in errors:
        if one.way not in ancestors:
            by_way.setdefault(one.way, []).append(one)
    misspelt = {
        (*one.way[:-1], key)
        for one in errors
        if one.kind == "extra_forbidden"
        for key in get_close_matches(str(one.way[-1]), one.known, 1, 0.6)
    }
    return [
        _complaint(way, group)
        for way, group in by_way.items()
        if group[0].kind != "missing" or way not in misspelt
    ]


def shown(value: object) -> str:
    """A value as a person would say it, short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"a mapping with {_listed(map(str, value))}" if value else "an empty mapping"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"a list of {len(value)}" if value else "an empty list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean X?`, or what there is."""
    known = list(known)
    close = get_close_matches(word, known, 1, 0.6)
    return f"did you mean `{close[0]}`?" if close else f"known are {_listed(known)}"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:16]) + (", ..." if len(names) > 16 else "")


def _complaint(way: tuple[Step, ...], group: list[_Error]) -> Complaint:
    one = next((one for one in group if not one.is_kind), group[0])
    got = shown(one.raw["input"])
    if one.kind == "extra_forbidden":
        key = str(way[-1])
        return Complaint(way, f"expected a known key, got `{key}`; {_meant(key, one)}", True)
    if one.kind == "missing":
        key = f"the key `{way[-1]}`" if isinstance(way[-1], str) else f"item {way[-1] + 1}"
        return Complaint(
            way[:-1], f"expected {key}, got {got}; {_ADDED.get(str(way[-1]), 'add it')}"
        )
    wanted = dict.fromkeys(_expected(other) for other in group) if one.is_kind else [_expected(one)]
    message = f"expected {' or '.join(wanted)}"
    if ", got " not in message:
        message += f", got {got}{_remedy(way, group, one.raw['input'])}"
    if way[-1:] == ("at",) and (
        close := get_close_matches(str(one.raw["input"]), BOUNDARIES, 1, 0.7)
    ):
        message = f"expected a boundary, got {got}; did you mean `{close[0]}`?"
    return Complaint(way, message)


def _meant(key: str, one: _Error) -> str:
    """What is to be written in the place of an unknown key."""
    if key == "text" and one.known == ("words", "locale"):
        return f"text stands there by itself: `{one.way[-2]}: {_given(one.raw['input'])}`"
    told = _MEANT.get(key)
    return nearest(key, one.known) if told is None else told


def _remedy(way: tuple[Step, ...], group: Sequence[_Error], value: object) -> str:
    """`; write ...` where the value is of the wrong kind and its right form is known."""
    kinds = [one.kind.split("_")[0] for one in group if one.is_kind]
    if "string" in kinds and isinstance(value, int | float):
        return f"; quote it if it is text: '{shown(value)}'"
    form = next((_FORMS[one.wants] for one in group if one.is_kind and one.wants in _FORMS), None)
    if form is not None:
        # Of a list's item there is no key to show.
        key = f"{way[-1]}: " if way and isinstance(way[-1], str) else ""
        return f"; write `{key}{form.format(_given(value))}`"
    if {"dict", "mapping"} & {*kinds}:
        return f"; write `{way[-1]}: {{name: value}}`"
    if {"tuple", "list"} & {*kinds} and isinstance(value, Mapping):
        return "; begin each item with `- `"
    return ""


def _given(value: object) -> str:
    """A short value as it was given, or dots."""
    if isinstance(value, str | int | float) and len(str(value)) <= GIVEN_MAX:
        return shown(value)
    return "..."


def _expected(one: _Error) -> str:
    context = one.raw.get("ctx", {})
    if one.kind == "value_error":
        return str(context["error"])
    if one.kind == "literal_error":
        return str(context["expected"])
    if one.kind in _BOUNDS:
        words, key = _BOUNDS[one.kind]
        return f"{words} {context[key]:.16g}"
    if one.kind in ("too_short", "string_too_short"):
        return f"at least {context['min_length']} {'item' if one.kind == 'too_short' else 'letter'}"
    if one.kind in ("too_long", "string_too_long"):
        return f"at most {context['max_length']}"
    if one.kind in ("model_type", "model_attributes_type") and one.known:
        return f"a mapping with {_listed(one.known)}"
    message = str(one.raw["msg"])
    return _KINDS.get(one.kind.split("_")[0], message[:1].lower() + message[1:])


def _located(raw: Any) -> _Error:
    """Walk the model along `loc`, keeping keys and indexes and passing over unions' tags."""
    shape: Any = Scenario
    way: list[Step] = []
    known: tuple[str, ...] = ()
    for part in raw["loc"]:
        shape = _bare(shape)
        if get_origin(shape) in (Union, UnionType):
            shape = _branch(shape, str(part))
        elif isinstance(shape, type) and issubclass(shape, BaseModel):
            known = tuple(shape.model_fields)
            way.append(part)
            field = shape.model_fields.get(str(part))
            shape = field.annotation if field else None
        elif part != "[key]":
            way.append(part)
            arguments = get_args(shape)
            shape = (
                (arguments[-1] if isinstance(part, str) else arguments[0]) if arguments else None
            )
    if raw["type"] != "extra_forbidden":
        shape = _bare(shape)
        is_model = isinstance(shape, type) and issubclass(shape, BaseModel)
        known = tuple(shape.model_fields) if is_model else ()
    wants = shape.__name__ if isinstance(shape, type) else ""
    return _Error(tuple(way), raw["type"], raw, known, wants)


def _bare(shape: Any) -> Any:
    """Without Annotated and without `| None`."""
    while get_origin(shape) is Annotated:
        shape = get_args(shape)[0]
    if get_origin(shape) in (Union, UnionType):
        branches = [branch for branch in get_args(shape) if branch is not NoneType]
        if len(branches) == 1:
            return _bare(branches[0])
    return shape


def _branch(union: Any, part: str) -> Any:
    """The branch of a union that pydantic calls `part`: by tag, by class or by kind."""
    for branch in get_args(union):
        if Tag(part) in getattr(branch, "__metadata__", ()):
            return branch
        bare = _bare(branch)
        if get_origin(bare) is tuple and part.startswith("tuple"):
            return bare
        if isinstance(bare, type) and issubclass(bare, BaseModel) and bare.__name__ in part:
            return bare
    return None
