"""What may stand between the digits of one number, and how digits and separators are encoded. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from html import unescape
from urllib.parse import unquote_to_bytes

# They show nothing: digits on both sides are one piece. Zero widths, soft hyphen, directions, variations, keycaps.
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u20e3\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef"
)
# Whatever is no letter and no digit: people and programs have used all of it. Three blanks count as letters.
BETWEEN = rf"\W_\u3164\uffa0{INVISIBLE}"

_ENCODED = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});?"
    r"|&[A-Za-z]{2,31};?"
    r"|(?<!\\)\\++(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[nrtfvb/0])"
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "b": "\b", "/": "/", "0": "\0"}
# Bytes that are no UTF-8 are what they are in latin-1: %A0 is a no-break space.
_LATIN_1 = {0xDC00 + byte: byte for byte in range(0x80, 0x100)}

Span = tuple[int, int]


class Decoded:
    """A text with one layer of encoding taken off, which knows where its parts stood."""

    __slots__ = ("_ends", "_sources", "_starts", "text")

    def __init__(self, text: str) -> None:
        parts: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._sources: list[Span] = []
        done = length = 0
        for match in _ENCODED.finditer(text):
            plain = _plain(match[0])
            if plain == match[0]:
                continue
            before = text[done : match.start()]
            length += len(before)
            self._starts.append(length)
            length += len(plain)
            self._ends.append(length)
            self._sources.append(match.span())
            parts += (before, plain)
            done = match.end()
        self.text = "".join((*parts, text[done:]))

    def __bool__(self) -> bool:
        """Whether anything was encoded."""
        return bool(self._sources)

    def source(self, span: Span) -> Span:
        """Where this part of the decoded text stood; an encoded piece is not divided."""
        start, end = span
        before = bisect_right(self._starts, start) - 1
        if before >= 0:
            inside = start < self._ends[before]
            first = self._sources[before][0] if inside else self._shifted(before, start)
        else:
            first = start
        last = bisect_left(self._starts, end) - 1
        if last < 0:
            return first, end
        return first, self._sources[last][1] if end <= self._ends[last] else self._shifted(last, end)

    def _shifted(self, unit: int, place: int) -> int:
        return self._sources[unit][1] + place - self._ends[unit]


def may_be_encoded(text: str) -> bool:
    return "%" in text or "&" in text or "\\" in text


def _plain(unit: str) -> str:
    if unit[0] == "%":
        return unquote_to_bytes(unit).decode("utf-8", "surrogateescape").translate(_LATIN_1)
    if unit[0] == "&":
        return unescape(unit if unit[-1] == ";" or unit[1] != "#" else f"{unit};")
    escape = unit.lstrip("\\")
    return _ESCAPES[escape] if len(escape) == 1 else chr(int(escape[1:], 16))
