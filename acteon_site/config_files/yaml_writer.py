"""Writes YAML that read_yaml reads back as the same values: no anchors, everything ambiguous in quotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from acteon_site.config_files.yaml_reader import RESOLVERS

WIDTH = 100
FLOW_WIDTH = 70
# What comes first in an object, in this order; everything else follows by name.
FIRST = (
    *(
        "name",
        "path",
        "namespace",
        "tenant",
        "provider",
        "type",
        "action_type",
        "sub_chain",
        "priority",
        "enabled",
    ),
    *(
        "description",
        "timezone",
        "field",
        "operator",
        "value",
        "target",
        "condition",
        "all",
        "any",
        "not",
        "action",
    ),
    *("from", "to", "state", "initial", "states", "transitions", "terminal", "timeouts", "fields", "trigger"),
    *("payload_template", "branches", "default_next", "steps"),
    *("weekdays", "times", "start", "end"),
)
# Unicode's own line ends, which YAML folds unless they are escaped.
_LINE_ENDS = frozenset("\x85\u2028\u2029")
_RANK = {name: index for index, name in enumerate(FIRST)}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


for _resolver in RESOLVERS:
    _Dumper.add_implicit_resolver(*_resolver)


def _text(dumper: _Dumper, value: str) -> yaml.Node:
    style = None
    if "\n" in value or _LINE_ENDS.intersection(value):
        style = "|" if _is_page(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _is_page(value: str) -> bool:
    """Lines that a block keeps as they are: no blanks before the first, at most one line end after the last."""
    plain = not value[0].isspace() and not value.endswith("\n\n")
    return plain and not _LINE_ENDS.intersection(value)


def _list(dumper: _Dumper, value: Sequence[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=_is_short(value))


def _object(dumper: _Dumper, value: Mapping[str, Any]) -> yaml.Node:
    ordered = sorted(value.items(), key=lambda pair: (_RANK.get(pair[0], len(FIRST)), pair[0]))
    return dumper.represent_mapping("tag:yaml.org,2002:map", ordered, flow_style=False)


def _is_short(value: Sequence[Any]) -> bool:
    plain = all(item is None or isinstance(item, str | int | float) for item in value)
    return plain and sum(len(str(item)) + 2 for item in value) <= FLOW_WIDTH


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(tuple, _list)
_Dumper.add_representer(dict, _object)


def write_object(data: Mapping[str, Any]) -> str:
    """One object, without blank lines between its keys."""
    return str(yaml.dump(data, Dumper=_Dumper, width=WIDTH, allow_unicode=True))


def write_yaml(data: Mapping[str, Any]) -> str:
    """The top-level keys in the order given; below them objects in a fixed order, whatever their own."""
    pages = [
        yaml.dump({name: value}, Dumper=_Dumper, width=WIDTH, allow_unicode=True)
        for name, value in data.items()
    ]
    return "\n".join(pages)
