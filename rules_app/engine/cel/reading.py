"""A text in CEL as the object that YAML would hold for the same condition, and where each part of it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rules_app.engine.cel.conditions import CelConditions
from rules_app.engine.cel.syntax import Refused, parse_cel
from rules_app.engine.scope import kind_of
from rules_app.engine.values import MAX_TEXT, text_problem

Place = tuple[int, int]  # line and column, from 1


@dataclass(frozen=True, slots=True)
class Written:
    """`spec` is the condition; `places` tells of each path in it where it stands in the text."""

    spec: Mapping[str, Any]
    places: Mapping[str, Place]

    def place(self, path: str) -> str:
        """Where what is at the path, or around it, stands."""
        around = [known for known in self.places if path.startswith(known)]
        return _place(self.places[max(around, key=len, default="")])


def read_cel(text: Any, *, in_item: bool) -> Written | str:
    """What the text says, or why it cannot be a condition, with the place."""
    if not isinstance(text, str):
        return f"must be text in CEL, such as 'action.payload.total_cents >= 50000', not {kind_of(text)}"
    if not text.strip():
        return "must not be empty"
    return text_problem(text, MAX_TEXT) or _read(text, in_item)


@lru_cache(maxsize=512)
def _read(text: str, in_item: bool) -> Written | str:
    try:
        compiler = CelConditions("item" if in_item else "")
        spec = compiler.condition(parse_cel(text))
    except Refused as refused:
        return f"{_place(refused.place)}: {refused}"
    places = {
        path: compiler.places[id(part)] for path, part in _parts(spec, "") if id(part) in compiler.places
    }
    return Written(spec, {"": (1, 1), **places})


def _place(place: Place) -> str:
    return f"line {place[0]}, column {place[1]}"


def _parts(spec: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(spec, Mapping):
        yield path, spec
        for key, inner in spec.items():
            yield from _parts(inner, f"{path}.{key}")
    elif isinstance(spec, list):
        for index, inner in enumerate(spec):
            yield from _parts(inner, f"{path}[{index}]")
