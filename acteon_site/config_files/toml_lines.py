"""Where every key of a TOML text stands: neither tomlkit nor tomllib says. This follows keys and brackets only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from acteon_site.config_files.documents import Flaw, Place

_TOKEN = re.compile(
    r'''(?P<space>[ \t\r]+|\#[^\n]*)
      | (?P<text>"""(?:\\.|[^\\])*?"{3,5} | \'\'\'.*?\'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
      | (?P<newline>\n)
      | (?P<mark>[\[\]{}=,.])
      | (?P<bare>[^\s\[\]{}=,."'#]+|.)''',
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


_END = _Token("end", "", 0)
MAX_DEPTH = 64


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "space":
            yield _Token(kind, match.group(), line)
        line += match.group().count("\n")


def toml_lines(text: str) -> tuple[dict[Place, int], list[Flaw]]:
    """The line of every table, key and item of a well-formed text, and what stands twice. Raises TooDeep."""
    walk = _Walk(text)
    walk.run()
    return walk.lines, walk.flaws


class TooDeep(Exception):
    """Nested deeper than MAX_DEPTH; the argument is the line."""


class _Walk:
    def __init__(self, text: str) -> None:
        self._tokens = [*_tokens(text), _END]
        self._index = 0
        self._table: Place = ()
        self._counts: dict[Place, int] = {}  # arrays of tables so far
        self._defined: dict[Place, int] = {}
        self.lines: dict[Place, int] = {}
        self.flaws: list[Flaw] = []

    def run(self) -> None:
        while self._peek() is not _END:
            if self._peek().kind == "newline":
                self._next()
            elif self._peek().text == "[":
                self._header()
            else:
                self._pair(self._table)

    def _peek(self) -> _Token:
        return self._tokens[self._index]

    def _next(self) -> _Token:
        token = self._tokens[self._index]
        if token is not _END:
            self._index += 1
        return token

    def _accept(self, text: str) -> bool:
        if self._peek().text != text:
            return False
        self._next()
        return True

    def _key(self) -> list[str]:
        parts = []
        while self._peek().kind in ("bare", "text"):
            token = self._next()
            parts.append(token.text[1:-1] if token.kind == "text" else token.text)
            if not self._accept("."):
                break
        return parts

    def _header(self) -> None:
        line = self._next().line
        array = self._accept("[")
        names = self._key()
        while self._peek().kind not in ("newline", "end"):
            self._next()
        place = self._resolve(names)
        if array:
            self._counts[place] = self._counts.get(place, 0) + 1
            self.lines.setdefault(place, line)
            place = (*place, self._counts[place] - 1)
        else:
            self._once(place, line)
        self._table = place
        self.lines[place] = line

    def _resolve(self, names: list[str]) -> Place:
        place: Place = ()
        for name in names:
            if place in self._counts:
                place = (*place, self._counts[place] - 1)
            place = (*place, name)
        return place

    def _pair(self, table: Place) -> None:
        start = self._index
        line = self._peek().line
        place = table
        for name in self._key():
            place = (*place, name)
            self.lines.setdefault(place, line)
        if self._accept("="):
            self._once(place, line)
            self._value(place)
        if self._index == start:  # nothing that could be a key: leave it to the parser's own complaint
            self._next()

    def _once(self, place: Place, line: int) -> None:
        if place in self._defined:
            first = self._defined[place]
            self.flaws.append(Flaw(place, line, f"this key stands twice (first on line {first})"))
        self._defined.setdefault(place, line)

    def _value(self, place: Place) -> None:
        if len(place) > MAX_DEPTH:
            raise TooDeep(self._peek().line)
        if self._accept("{"):
            while not self._closes("}"):
                self._pair(place)
        elif self._accept("["):
            index = 0
            while not self._closes("]"):
                self.lines.setdefault((*place, index), self._peek().line)
                self._value((*place, index))
                index += 1
        else:
            self._scalar()

    def _closes(self, bracket: str) -> bool:
        while self._peek().kind == "newline" or self._peek().text == ",":
            self._next()
        return self._peek() is _END or self._accept(bracket)

    def _scalar(self) -> None:
        """Everything up to what ends a value: 1.5 and 12:30:00 are several tokens."""
        start = self._index
        while self._peek().kind not in ("newline", "end") and self._peek().text not in (",", "}", "]"):
            self._next()
        if self._index == start:
            self._next()
