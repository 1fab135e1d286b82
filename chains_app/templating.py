"""Payload templates: `{{path}}` inside JSON values, or `{{path | default("")}}`.

A text that is exactly one placeholder takes the value as it is, type included; among other text the value
becomes text (objects and lists as compact JSON). Where a path leads nowhere, or to null, its default stands.
Without one `render` gives null alone and nothing inside text, `render_strictly` raises MissingReference.
Inserted data is never expanded again, and keys of objects are never templates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Linear by construction: nothing inside may hold a brace.
PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
SEGMENT = re.compile(r"([^.\[\]\s]+)|\[(\d{1,6})\]")
INDEX = re.compile(r"\[\d+\]")
PATH = re.compile(r"[^.\[\]\s]+(?:\[\d{1,6}\])*(?:\.[^.\[\]\s]+(?:\[\d{1,6}\])*)*")


DEFAULT = re.compile(r"\s*([^\s|]+)\s*\|\s*default\s*\((.*)\)\s*", re.DOTALL)
# A default with braces inside would make all of it plain text.
BROKEN = re.compile(r"\{\{([^{}|]*\|\s*default\b)")
QUOTED = re.compile(r"'[^'\\]*'")
MISSING_HINT = 'a default can be given: {{%s | default("")}}'


class Missing:
    """What a path that leads nowhere finds; null is something else."""

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


class MissingReference(Exception):
    """A template refers to what is not there, or is null, and gives no default."""

    def __init__(self, path: str) -> None:
        super().__init__(f"nothing stands at {path}, and nothing was sent; {MISSING_HINT % path}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Reference:
    """What stands between two pairs of braces; `default` is MISSING where none is given."""

    text: str
    path: str
    default: Any = MISSING


@dataclass(frozen=True, slots=True)
class Rendered:
    """`sources` pairs places in `value` with the paths they came from: ("card", "origin.payload.card")."""

    value: Any
    sources: tuple[tuple[str, str], ...] = ()

    def tainted(self, is_secret: Callable[[str], bool]) -> tuple[str, ...]:
        """Dotted paths in `value` rendered from paths that `is_secret`; list places are left out of them."""
        places = (place for place, path in self.sources if is_secret(path))
        return tuple(dict.fromkeys(INDEX.sub("", place) for place in places))


def render(template: Any, context: Mapping[str, Any]) -> Any:
    return render_traced(template, context).value


def render_strictly(template: Any, context: Mapping[str, Any]) -> Any:
    """Raises MissingReference: a null that nobody meant is no amount, no charge to refund and no address."""
    return _Renderer(context, strict=True).value(template, "")


def render_traced(template: Any, context: Mapping[str, Any]) -> Rendered:
    """Also tells what came from where, so that redaction can follow the data."""
    renderer = _Renderer(context, strict=False)
    value = renderer.value(template, "")
    return Rendered(value, tuple(renderer.sources))


def lookup(data: Any, path: str) -> Any:
    """`a.b[0].c` in nested objects and lists, or MISSING. `a.b.0` reads a list as well."""
    for match in SEGMENT.finditer(path):
        data = _child(data, match.group(1) or match.group(2))
        if data is MISSING:
            return MISSING
    return data


def is_path(text: str) -> bool:
    return PATH.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def reference(text: str) -> Reference:
    """Of `path | default(x)` both; x is JSON, or a text in single quotes. Anything else is a path, or should be."""
    found = DEFAULT.fullmatch(text)
    if found:
        default = _literal(found.group(2).strip())
        if default is not MISSING:
            return Reference(text.strip(), found.group(1), default)
    return Reference(text.strip(), text.strip())


def _literal(text: str) -> Any:
    if QUOTED.fullmatch(text):
        return text[1:-1]
    try:
        return json.loads("null" if text == "none" else text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return MISSING


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def placeholders(template: Any, place: str = "") -> Iterator[tuple[str, Reference]]:
    """Every placeholder of a template, with its place in the template."""
    if isinstance(template, str):
        for match in PLACEHOLDER.finditer(template):
            yield place, reference(match.group(1))
        for match in BROKEN.finditer(PLACEHOLDER.sub("", template)):
            yield place, Reference(match.group(1), match.group(1))
    elif isinstance(template, Mapping):
        for key, item in template.items():
            yield from placeholders(item, join(place, str(key)))
    elif isinstance(template, (list, tuple)):
        for index, item in enumerate(template):
            yield from placeholders(item, f"{place}[{index}]")


def join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def as_text(value: Any) -> str:
    """A value inside text: nothing for null, JSON for what is neither text nor null."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _child(data: Any, name: str) -> Any:
    if isinstance(data, Mapping):
        return data.get(name, MISSING)
    if isinstance(data, (list, tuple)) and name.isascii() and name.isdigit() and int(name) < len(data):
        return data[int(name)]
    return MISSING


class _Renderer:
    def __init__(self, context: Mapping[str, Any], *, strict: bool) -> None:
        self._context, self._strict = context, strict
        self.sources: list[tuple[str, str]] = []

    def value(self, template: Any, place: str) -> Any:
        if isinstance(template, str):
            return self._text(template, place)
        if isinstance(template, Mapping):
            return {key: self.value(item, join(place, str(key))) for key, item in template.items()}
        if isinstance(template, (list, tuple)):
            return [self.value(item, f"{place}[{index}]") for index, item in enumerate(template)]
        return template

    def _text(self, template: str, place: str) -> Any:
        if "{{" not in template:
            return template
        alone = PLACEHOLDER.fullmatch(template)
        if alone:
            found = self._find(reference(alone.group(1)), place)
            return None if found is MISSING else found
        return PLACEHOLDER.sub(lambda match: as_text(self._find(reference(match.group(1)), place)), template)

    def _find(self, wanted: Reference, place: str) -> Any:
        found = lookup(self._context, wanted.path) if is_path(wanted.path) else MISSING
        if found is MISSING or found is None:
            if wanted.default is not MISSING:
                return deepcopy(wanted.default)
            if self._strict:
                raise MissingReference(wanted.path)
        if found is not MISSING:
            self.sources.append((place, wanted.path))
        return found
