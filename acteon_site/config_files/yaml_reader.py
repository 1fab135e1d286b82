"""Reads YAML without its surprises: no aliases, tags or duplicate keys, and nothing that is not JSON.

Scalars follow the YAML 1.2 core schema (dates and 12:30 stay text). What YAML 1.1 reads as something else
than what stands there (an unquoted NO is false, 0123 is 83) is refused instead of guessed at.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.resolver import Resolver

from acteon_site.config_files.documents import UNSTORABLE, Document, Flaw, Place, unstorable

MAX_DEPTH = 64
_BASE = "tag:yaml.org,2002:"
_UNCLEAR = "acteon:unclear"
_INTEGER_DIGITS = 30
_SIGNED = "-+0123456789"
_TAKEN_LIGHTLY = re.compile("[\t?\ufeff]")


class _Refused(yaml.YAMLError):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


class _Composer(Composer, Resolver):
    """Composes nodes only; their values are made by _Reader, which also keeps their lines."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._refuse_event(self.peek_event())  # type: ignore[attr-defined]
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refuse_event(self, event: yaml.Event) -> None:
        line = _line(event)
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(line, f"aliases (*{anchor}) are not read; write the value out")
        if anchor:
            raise _Refused(line, f"anchors (&{anchor}) are not read; write the value out")
        if tag:
            raise _Refused(line, f"tags ({tag}) are not read; write plain values")
        if self._depth >= MAX_DEPTH:
            raise _Refused(line, f"is nested deeper than {MAX_DEPTH} levels")


# Tag, pattern and possible first characters of every plain scalar that is no text.
RESOLVERS: tuple[tuple[str, re.Pattern[str], list[str]], ...] = tuple(
    (tag, re.compile(rf"^(?:{pattern})$"), list(first))
    for tag, pattern, first in (
        (_BASE + "bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        (_BASE + "null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        (_BASE + "int", r"[-+]?(?:0|[1-9][0-9]*)", _SIGNED),
        (_BASE + "float", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)\.[0-9]*)(?:[eE][-+]?[0-9]+)?", _SIGNED + "."),
        (_BASE + "float", r"[-+]?(?:0|[1-9][0-9]*)[eE][-+]?[0-9]+", _SIGNED),
        (_UNCLEAR, r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF", "yYnNoO"),
        (_UNCLEAR, r"[-+]?0[0-9_]+(?:\.[0-9]*)?|0[xob][0-9a-fA-F_]+|[-+]?[0-9]+(?:_[0-9_]+)+", _SIGNED),
        (_UNCLEAR, r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|<<", "-+.<"),
    )
)
for _resolver in RESOLVERS:
    _Composer.add_implicit_resolver(*_resolver)


class _Loader(_Composer, yaml.SafeLoader):
    """By PyYAML's own parser, whose sentences say what is wrong."""


class _QuickLoader(_Composer, CParser):
    """By libyaml, which takes a fifth of the time."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        Resolver.__init__(self)


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[Place, int] = {}
        self.flaws: list[Flaw] = []

    def value(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, place)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, place, "a key must be a plain text")
                continue
            key = key_node.value
            if key_node.tag == _UNCLEAR:
                self._refuse(key_node, (*place, key), _unclear(key))
            if key in result:
                first = self.lines[(*place, key)]
                self._refuse(key_node, (*place, key), f"this key stands twice (first on line {first})")
                continue
            self.lines[(*place, key)] = _line(key_node)
            result[key] = self.value(value_node, (*place, key))
        return result

    def _scalar(self, node: yaml.Node, place: Place) -> Any:
        text, tag = node.value, node.tag
        if unstorable(text):
            self._refuse(node, place, UNSTORABLE)
        if tag == _UNCLEAR:
            self._refuse(node, place, _unclear(text))
        if tag == _BASE + "bool":
            return text.lower() == "true"
        if tag == _BASE + "int":
            return self._integer(node, place)
        if tag == _BASE + "float":
            return self._float(node, place)
        return None if tag == _BASE + "null" else text

    def _integer(self, node: yaml.Node, place: Place) -> Any:
        if len(node.value) <= _INTEGER_DIGITS:
            return int(node.value)
        self._refuse(node, place, f"has more than {_INTEGER_DIGITS} digits; put it in quotes to make it text")
        return 0

    def _float(self, node: yaml.Node, place: Place) -> float:
        number = float(node.value)
        if number in (float("inf"), float("-inf")):
            self._refuse(node, place, "is too large for a number")
        return number

    def _refuse(self, node: yaml.Node, place: Place, message: str) -> None:
        self.flaws.append(Flaw(place, _line(node), message))


def _line(part: yaml.Node | yaml.Event) -> int:
    return int(part.start_mark.line) + 1 if part.start_mark else 1


def _unclear(text: str) -> str:
    meaning = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.lower())
    if meaning:
        return f'unquoted {text} means {meaning} in YAML; write "{text}" in quotes for text, or {meaning}'
    if text == "<<":
        return "<< (a YAML merge) is not read; write the keys out"
    if "inf" in text.lower() or "nan" in text.lower():
        return f"{text} is no number that JSON knows"
    advice = f'write "{text}" in quotes, or a plain number'
    return f"unquoted {text} is read differently by different programs; {advice}"


def read_yaml(text: str, file: str) -> tuple[Document, list[Flaw]]:
    """The document and everything wrong with its form. A document with flaws may be incomplete."""
    reader = _Reader()
    data: Any = None
    try:
        node = _root(text)
        data = None if node is None else reader.value(node, ())
    except _Refused as refused:
        reader.flaws.append(Flaw((), refused.line, refused.message))
    except yaml.MarkedYAMLError as error:
        reader.flaws.append(Flaw((), _error_line(error), _syntax(error)))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reader.flaws.append(Flaw((), line, "holds a character that YAML does not allow"))
    if not isinstance(data, dict | None):
        reader.flaws.append(Flaw((), 1, "must hold keys such as `rules:` at its top level"))
        data = None
    return Document(file, data or {}, reader.lines), reader.flaws


def _root(text: str) -> yaml.Node | None:
    """Where libyaml refuses the text, PyYAML reads it again and says why; some characters libyaml takes too lightly."""
    if not _TAKEN_LIGHTLY.search(text):
        with suppress(yaml.YAMLError, UnicodeError):
            return _QuickLoader(text).get_single_node()
    return _Loader(text).get_single_node()


def _syntax(error: yaml.MarkedYAMLError) -> str:
    if "single document" in str(error.context):
        return "holds a second document (---); use one file for each"
    parts = [str(part) for part in (error.context, error.problem) if part]
    hint = "; indent with blanks, not tabs" if "'\\t'" in " ".join(parts) else ""
    return f"is not valid YAML: {', '.join(parts)}{hint}"


def _error_line(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return int(mark.line) + 1 if mark else 1
