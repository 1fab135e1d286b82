"""Payload templates: `{{path}}` inside JSON values.

A text that is exactly one placeholder takes the value as it is, type included; among other text the value
becomes text (objects and lists as compact JSON). A path that leads nowhere gives null alone and nothing
inside text. Inserted data is never expanded again, and keys of objects are never templates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Linear by construction: nothing inside may hold a brace.
PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
SEGMENT = re.compile(r"([^.\[\]\s]+)|\[(\d{1,6})\]")
INDEX = re.compile(r"\[\d+\]")
PATH = re.compile(r"[^.\[\]\s]+(?:\[\d{1,6}\])*(?:\.[^.\[\]\s]+(?:\[\d{1,6}\])*)*")


class Missing:
    """What a path that leads nowhere finds; null is something else."""

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


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


def render_traced(template: Any, context: Mapping[str, Any]) -> Rendered:
    """Also tells what came from where, so that redaction can follow the data."""
    renderer = _Renderer(context)
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


def placeholders(template: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every placeholder of a template as (place in the template, path)."""
    if isinstance(template, str):
        for match in PLACEHOLDER.finditer(template):
            yield place, match.group(1).strip()
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
    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context
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
            found = self._find(alone.group(1).strip(), place)
            return None if found is MISSING else found
        return PLACEHOLDER.sub(lambda match: as_text(self._find(match.group(1).strip(), place)), template)

    def _find(self, path: str, place: str) -> Any:
        found = lookup(self._context, path) if is_path(path) else MISSING
        if found is not MISSING:
            self.sources.append((place, path))
        return found
