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
        return Complaint(way, f"expected a known key, got `{key}`; {nearest(key, one.known)}", True)
    if one.kind == "missing":
        key = f"the key `{way[-1]}`" if isinstance(way[-1], str) else f"item {way[-1] + 1}"
        return Complaint(way[:-1], f"expected {key}, got {got}; add it")
    wanted = dict.fromkeys(_expected(other) for other in group) if one.is_kind else [_expected(one)]
    message = f"expected {' or '.join(wanted)}"
    if ", got " not in message:
        message += f", got {got}"
    if way[-1:] == ("at",) and (
        close := get_close_matches(str(one.raw["input"]), BOUNDARIES, 1, 0.7)
    ):
        message = f"expected a boundary, got {got}; did you mean `{close[0]}`?"
    return Complaint(way, message)


def _expected(one: _Error) -> str:
    context = one.raw.get("ctx", {})
    if one.kind == "value_error":
        return str(context["error"])
    if one.kind == "literal_error":
        return str(context["expected"])
    if one.kind in _BOUNDS:
        words, key = _BOUNDS[one.kind]
        return f"{words} {context[key]}"
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
    return _Error(tuple(way), raw["type"], raw, known)


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
