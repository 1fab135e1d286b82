"""JSON that means one thing only. msgspec decodes; what it lets pass is looked for here.

Refused as malformed: NaN and infinities, duplicate keys, U+0000, lone surrogates, nesting deeper than 64.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from acteon_site.base.errors import AppError, malformed

MAX_DEPTH = 64
_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


def decode(raw: bytes) -> Any:
    """The value that the bytes spell. Raises a 400 AppError that says what is wrong and where."""
    _check_depth(raw)
    try:
        value = json.loads(
            raw.decode("utf-8", "strict"), object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant
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
    return msgspec.json.encode(value)


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise malformed(f"malformed JSON: the key {twice[:80]!r} stands twice in one object")
    return result


def _refuse_constant(name: str) -> Any:
    raise malformed(f"malformed JSON: {name} is no JSON number")


def _check_depth(raw: bytes) -> None:
    # Brackets inside texts count too, so this may only wave through; the exact count follows where it could not.
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        raise _too_deep()


_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for token in _TOKENS.finditer(raw):
        char = token.group()
        if char in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif char in (b"]", b"}"):
            depth -= 1
    return deepest


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
