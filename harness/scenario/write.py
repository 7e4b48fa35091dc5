"""A scenario as the text of a file: YAML in the order in which people read it."""

from __future__ import annotations

from typing import Any

import yaml

from harness.scenario.schema import Scenario

_ORDER = ("name", "about", "seed", "clock", "model", "stack", "tools", "script", "faults")
_SHORT = 90
_WIDTH = 100


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


class _Readable(yaml.SafeDumper):
    """Block style, but short mappings on one line, as people write them."""


def _mapping(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    node = dumper.represent_mapping("tag:yaml.org,2002:map", value.items())
    node.flow_style = len(repr(value)) < _SHORT and "script" not in value
    return node


_Readable.add_representer(dict, _mapping)
