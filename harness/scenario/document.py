"""A YAML file as plain data in which every value still knows its line and column.

The dialect is the core schema of YAML 1.2, read over PyYAML's events: only true, false, null and
numbers are special, so `on`, `yes`, `9:30` and dates stay text. Keys are text. Refused, each with
its place: a key that stands twice, merge keys (`<<`), own tags, several documents, NaN and
infinity, and whatever would outgrow the bounds below, aliases counted as often as they are used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never, TypeVar

import yaml

from harness.files import Unreadable, read_file

BYTES_MAX = 4 * 1024 * 1024
VALUES_MAX = 200_000
DEPTH_MAX = 64

Step = str | int
"""One step on the way to a value: a key, or an index from 0."""

_Built = TypeVar("_Built")
_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class ScenarioError(ValueError):
    """A file is no scenario. The message reads `file:line:column: expected …, got …; remedy`."""


@dataclass(frozen=True, order=True)
class Place:
    """Line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Node:
    """A value and its place. `size` counts the values in it, itself included."""

    place: Place
    value: object
    """A scalar, a list of nodes, or a dict of key to (place of the key, node)."""
    size: int = 1

    def data(self) -> Any:
        """The plain value, with dicts and lists all the way down."""
        if isinstance(self.value, dict):
            return {key: node.data() for key, (_, node) in self.value.items()}
        if isinstance(self.value, list):
            return [node.data() for node in self.value]
        return self.value


@dataclass(frozen=True)
class Document:
    """One file, read."""

    path: str
    root: Node

    def place(self, way: Sequence[Step], *, at_key: bool = False) -> Place:
        """Where the value at the end of `way` stands, or its key; the nearest there is, else."""
        node, place = self.root, self.root.place
        for step in way:
            if isinstance(node.value, dict) and step in node.value:
                key_place, node = node.value[step]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                key_place = node.place
            else:
                return node.place
            place = key_place if at_key else node.place
        return place


def read_text(path: Path) -> str:
    """The text of a file; ScenarioError where it cannot be read, is too long or is not UTF-8."""
    try:
        raw = read_file(path, BYTES_MAX)
    except Unreadable as error:
        raise ScenarioError(f"{path}: expected a scenario file, {error}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise ScenarioError(
            f"{path}:{line}:{column}: expected UTF-8, got the byte 0x{raw[error.start]:02x}; "
            "save the file as UTF-8"
        ) from error


def parse(text: str, path: str) -> Document:
    """Read YAML; `path` is only for messages. ScenarioError names the place."""
    return Document(path, _guarded(text, path, lambda builder: builder.document()))


def opening(text: str, path: str, keys: Collection[str]) -> dict[str, str]:
    """The texts under some keys of the topmost mapping, read no further than to the last of them.

    A key that is missing, or holds no text, is left out. ScenarioError as for `parse`, for what is
    read.
    """
    return _guarded(text, path, lambda builder: builder.opening(keys))


def _guarded(text: str, path: str, build: Callable[[_Builder], _Built]) -> _Built:
    # The C parser is five times faster; wheels for some platforms come without it.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return build(_Builder(path, yaml.parse(text, Loader=loader)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark else Place(1, 1)
        what = ", ".join(part for part in (error.context, error.problem) if part)
        _refuse(path, place, f"expected YAML, got a text that breaks off: {what}; mend it here")
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        if isinstance(error, ScenarioError):
            raise
        what = " ".join(str(getattr(error, "reason", error)).split())
        _refuse(path, _unreadable(text, error), f"expected YAML, got {what}; remove it")


def _unreadable(text: str, error: Exception) -> Place:
    position = getattr(error, "position", 0) or 0
    before = text.encode()[:position].decode(errors="ignore")
    return Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _refuse(path: str, place: Place, message: str) -> Never:
    raise ScenarioError(f"{path}:{place.line}:{place.column}: {message}")


class _Builder:
    """Events to nodes, checking each on its way."""

    def __init__(self, path: str, events: Iterator[Any]) -> None:
        self.path = path
        self.events = events
        self.anchors: dict[str, Node] = {}

    def document(self) -> Node:
        """The one document of the stream."""
        next(self.events)
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            self.refuse(start, "expected a scenario, got an empty file; `harness init` writes one")
        root = self.node(next(self.events), 0)
        next(self.events)
        if not isinstance(more := next(self.events), yaml.StreamEndEvent):
            self.refuse(more, "expected one document a file, got a second; give it its own file")
        return root

    def opening(self, keys: Collection[str]) -> dict[str, str]:
        """The texts under these keys of the topmost mapping."""
        wanted = set(keys)
        found: dict[str, str] = {}
        next(self.events)
        if not isinstance(next(self.events), yaml.DocumentStartEvent):
            return found
        if not isinstance(next(self.events), yaml.MappingStartEvent):
            return found
        while wanted and not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event)
            node = self.node(next(self.events), 1)
            if key in wanted:
                wanted.remove(key)
                if isinstance(node.value, str):
                    found[key] = node.value
        return found

    def refuse(self, event: Any, message: str) -> Never:
        """Stop at this event."""
        _refuse(self.path, _place(event.start_mark), message)

    def node(self, event: Any, depth: int) -> Node:
        """The value that begins with this event."""
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                self.refuse(
                    event,
                    f"expected an anchor that is finished, got *{event.anchor}; "
                    f"write &{event.anchor} at a value before this one",
                )
            return self.anchors[event.anchor]
        if depth > DEPTH_MAX:
            self.refuse(event, f"expected at most {DEPTH_MAX} levels, got more; flatten it")
        place = _place(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(place, self.scalar(event))
        else:
            kind = "seq" if isinstance(event, yaml.SequenceStartEvent) else "map"
            if event.tag not in (None, "!", _TAG + kind):
                self.refuse(event, f"expected no tag, got {event.tag}; remove it")
            build = self.sequence if kind == "seq" else self.mapping
            value, size = build(depth)
            node = Node(place, value, size)
        if node.size > VALUES_MAX:
            self.refuse(
                event, f"expected at most {VALUES_MAX} values, got {node.size}; use fewer aliases"
            )
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def sequence(self, depth: int) -> tuple[list[Node], int]:
        """The items up to the end event, and the size."""
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return items, 1 + sum(item.size for item in items)

    def mapping(self, depth: int) -> tuple[dict[str, tuple[Place, Node]], int]:
        """The pairs up to the end event, and the size."""
        pairs: dict[str, tuple[Place, Node]] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event)
            if key in pairs:
                self.refuse(
                    event,
                    f"expected each key once, got `{key}` again (first in line "
                    f"{pairs[key][0].line}); remove one of the two",
                )
            pairs[key] = (_place(event.start_mark), self.node(next(self.events), depth + 1))
        return pairs, 1 + sum(node.size for _, node in pairs.values())

    def key(self, event: Any) -> str:
        """The text of a key."""
        if not isinstance(event, yaml.ScalarEvent):
            self.refuse(event, "expected a plain key, got a list, mapping or alias; write it out")
        if event.value == "<<" and event.implicit[0]:
            self.refuse(
                event, "expected a key, got `<<`; merge keys are not YAML 1.2: write it out"
            )
        return self.text(event)

    def text(self, event: Any) -> str:
        """The scalar's characters."""
        value: str = event.value
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            self.refuse(event, "expected Unicode text, got half a surrogate pair; remove it")
        return value

    def scalar(self, event: Any) -> object:
        """What a scalar stands for."""
        text = self.text(event)
        if event.tag is None:
            return self.resolve(event, text) if event.implicit[0] else text
        if event.tag in ("!", _TAG + "str"):
            return text
        names: dict[str, Any] = {
            "null": type(None),
            "bool": bool,
            "int": int,
            "float": (int, float),
        }
        wanted = names.get(event.tag.removeprefix(_TAG)) if event.tag.startswith(_TAG) else None
        value = self.resolve(event, text)
        if wanted is None or not isinstance(value, wanted):
            self.refuse(event, f"expected no tag, got {event.tag} before {text[:40]!r}; remove it")
        return value

    def resolve(self, event: Any, text: str) -> object:
        """A plain scalar by the core schema."""
        if _NULL.fullmatch(text):
            return None
        if _BOOL.fullmatch(text):
            return text.lower() == "true"
        if _INT.fullmatch(text):
            return self.integer(event, text)
        if not _FLOAT.fullmatch(text) and not _ENDLESS.fullmatch(text):
            return text
        number = float(text.replace(".", "") if _ENDLESS.fullmatch(text) else text)
        if not math.isfinite(number):
            self.refuse(event, f"expected a finite number, got {text[:40]}; quote it if it is text")
        return number

    def integer(self, event: Any, text: str) -> int:
        """A whole number in decimal, octal (0o) or hexadecimal (0x)."""
        if len(text) > 100:
            self.refuse(event, f"expected a number of at most 100 digits, got {len(text)}")
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
