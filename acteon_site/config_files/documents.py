"""A file as read: its data, and the line on which every part of it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acteon_site.base.errors import FieldProblem
from acteon_site.config_files.problems import FileProblem

Place = tuple[str | int, ...]
UNSTORABLE = "holds a NUL or half a surrogate pair, which no database stores"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with a file's form, before anyone looked at what it means."""

    place: Place
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """One file. `lines` maps the path of every key and item to its line, from 1."""

    file: str
    data: Mapping[str, Any]
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """The line of the place, or of the nearest thing around it that the file holds."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def problem(self, place: Place, message: str) -> FileProblem:
        return FileProblem(path_text(place), message, file=self.file, line=self.line(place))


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule, provider, chain … of a file: its kind's section name, its spec and where it stands."""

    section: str
    spec: dict[str, Any]
    document: Document
    at: Place
    moved: Mapping[str, Place] = field(default_factory=dict)  # fields that the file writes somewhere else

    @property
    def line(self) -> int:
        return self.document.line(self.at)

    def locate(self, found: FieldProblem, *, kind: str, name: str) -> FileProblem:
        place = self.moved.get(found.field, self.at + place_of(found.field))
        return FileProblem(
            found.field,
            found.message,
            file=self.document.file,
            line=self.document.line(place),
            kind=kind,
            name=name,
        )


def place_of(field_path: str) -> Place:
    """`condition.all[1].gte` as ("condition", "all", 1, "gte")."""
    return tuple(int(index) if index else name for index, name in _PART.findall(field_path))


def unstorable(text: str) -> bool:
    return bool(_UNSTORABLE.search(text))


def path_text(place: Place) -> str:
    """("condition", "all", 1, "gte") as `condition.all[1].gte`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
