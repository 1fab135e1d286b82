"""JSON that means one thing only: Python's decoder, and what it lets pass is looked for here.

Not msgspec's, which keeps the last of two equal keys without a word and counts no depth.

Refused as malformed: NaN, infinities and numbers that no double holds, duplicate keys, U+0000, lone surrogates,
nesting deeper than 64. Anyone may send a body, so each look at it takes time in proportion to its length.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from io import BytesIO
from itertools import accumulate
from typing import Any

import msgspec

from acteon_site.base.breathing import breathe, in_breaths, is_large
from acteon_site.base.errors import AppError, malformed

MAX_DEPTH = 64
# Every integer of so many digits fits a double, as every accepted float does.
MAX_DIGITS = 308
_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


def decode(raw: bytes) -> Any:
    """The value that the bytes spell. Raises a 400 AppError that says what is wrong and where."""
    _check_depth(raw)
    try:
        value = json.loads(
            raw.decode("utf-8", "strict"),
            object_pairs_hook=_unique_pairs,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise malformed(f"the body is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise malformed(f"malformed JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise _too_deep() from None
    if _SUSPICIOUS_ESCAPE.search(raw):
        _check_text(value)
    return value


def encode(value: Any) -> bytes:
    return _encode_in_pieces(value) if is_large() else msgspec.json.encode(value)


def _encode_in_pieces(value: Any) -> bytes:
    """The same. Megabytes grow piece by piece: to join them at the end would take all threads' time in one."""
    written = BytesIO()
    for piece in _pieces(value):
        written.write(piece)
    return written.getvalue()


def _pieces(value: Any) -> Iterator[bytes]:
    """Each item of a list, or of the lists in an object, by itself."""
    if isinstance(value, list):
        yield b"["
        for number, item in enumerate(in_breaths(value)):
            yield (b"," if number else b"") + msgspec.json.encode(item)
        yield b"]"
    elif isinstance(value, dict):
        yield b"{"
        for number, (name, inner) in enumerate(value.items()):
            yield (b"," if number else b"") + msgspec.json.encode(name) + b":"
            yield from _pieces(inner) if isinstance(inner, list) else (msgspec.json.encode(inner),)
        yield b"}"
    else:
        yield msgspec.json.encode(value)


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    breathe()
    result = dict(pairs)
    if len(result) != len(pairs):
        raise malformed(f"malformed JSON: the key {_first_repeated(pairs)[:80]!r} stands twice in one object")
    return result


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _integer(digits: str) -> int:
    if len(digits) - digits.startswith("-") > MAX_DIGITS:
        raise malformed(f"malformed JSON: an integer has more than {MAX_DIGITS} digits")
    return int(digits)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise malformed(f"malformed JSON: the number {text[:40]} is too large")
    return value


def _refuse_constant(name: str) -> Any:
    raise malformed(f"malformed JSON: {name} is no JSON number")


def _check_depth(raw: bytes) -> None:
    # Brackets inside texts count too, so this may only wave through; the exact count follows where it could not.
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        raise _too_deep()


# A text that nothing closes counts as one and no part of it is looked at twice (possessive: no way back); else each
# of its quotes would begin a search of its own to the end.
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+["\\]?', re.DOTALL)
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKET = bytes(byte for byte in range(256) if byte not in _STEP)
_PLAIN = 128 * 1024  # bytes that are looked through in one go, where no quote stands inside a text
_PIECE = 4096  # bytes, or texts: what is looked at in one go, while no other thread runs


def _depth(raw: bytes) -> int:
    deepest = depth = 0
    for brackets in _brackets(raw):
        *levels, depth = accumulate(map(_STEP.__getitem__, brackets), initial=depth)
        deepest = max(deepest, depth, *levels)
    return deepest


def _brackets(raw: bytes) -> Iterator[bytes]:
    """Those outside of texts, in pieces."""
    outside = raw.split(b'"')[::2] if len(raw) <= _PLAIN and b"\\" not in raw else _outside_texts(raw)
    found = b"".join(outside).translate(None, _NO_BRACKET)
    for start in range(0, len(found), _PIECE):
        breathe()
        yield found[start : start + _PIECE]


def _outside_texts(raw: bytes) -> Iterator[bytes]:
    end = 0
    for number, text in enumerate(_TEXT.finditer(raw)):
        if number % _PIECE == 0:
            breathe()
        yield raw[end : text.start()]
        end = text.end()
    yield raw[end:]


def _too_deep() -> AppError:
    return malformed(f"malformed JSON: nested deeper than {MAX_DEPTH}")


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise malformed("malformed JSON: \\u0000 is not allowed in text")
        if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
            raise malformed("malformed JSON: a lone surrogate is not allowed in text")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)
