"""A scenario as the text of a file: YAML as people read it, or JSON that is the very same case."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from harness.scenario.schema import Scenario

_ORDER = ("name", "about", "seed", "clock", "model", "stack", "tools", "script", "faults")
_SHORT = 90
_WIDTH = 100
_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
"""What JSON may hold as it is, and YAML reads as something else."""


def text(scenario: Scenario) -> str:
    """YAML that loads as the same scenario; what is left at its default is left out."""
    data = {"seed": scenario.seed, **scenario.dump()}
    keys = [key for key in dict.fromkeys((*_ORDER, *data)) if data.get(key) or key == "seed"]
    return yaml.dump(
        {key: data[key] for key in keys},
        Dumper=_Readable,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
    )


def exact(dumped: Mapping[str, Any]) -> str:
    """JSON that loads, as YAML does, as the very same scenario: its tokens find it by its hash."""
    plain = json.dumps(dumped, ensure_ascii=False, indent=1)
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", plain) + "\n"


class _Readable(yaml.SafeDumper):
    """Block style, but short mappings on one line, as people write them."""


def _mapping(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    node = dumper.represent_mapping("tag:yaml.org,2002:map", value.items())
    node.flow_style = len(repr(value)) < _SHORT and "script" not in value
    return node


_Readable.add_representer(dict, _mapping)
