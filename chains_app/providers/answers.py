"""What an answer's bytes mean, by its own headers: an object, or Unreadable. Nothing is guessed."""

from __future__ import annotations

import codecs
import gzip
import json
import math
import re
import zlib
from collections.abc import Callable, Mapping
from email.message import Message
from io import BytesIO
from typing import Any

# Python's other codecs are no charsets (zip, rot13), guess (utf-7) or take quadratic time (idna, punycode).
CHARSETS = re.compile(
    r"ascii|utf-(?:8|16|32)(?:-[bl]e)?|iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|"
    r"shift_?jis\w*|iso2022_\w+|euc_\w+|gb\w+|hz|big5\w*|johab|tis-620"
)
LABEL = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
HTML = ("text/html", "application/xhtml+xml")
TAG = re.compile(r"<[a-z!/?]", re.IGNORECASE)
PAGE = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
WHERE_PAGES_BEGIN = 1024
JSON_BEGINS = ("{", "[", '"')
MOST_ENCODINGS = 3


class Unreadable(Exception):
    """The answer is nothing that was asked for. The text says why, as the end of a sentence, and quotes nothing."""


class TooLarge(Unreadable):
    """Unpacked, it is larger than an answer may be."""


def read_answer(content: bytes, headers: Mapping[str, str], limit: int) -> dict[str, Any]:
    """The body as an object: other JSON becomes {"value": …}, plain text {"text": …}, nothing {}.

    Raises Unreadable for everything else: an encoding or charset that the bytes do not have, JSON that two readers
    could read differently or that is cut short, a page for people.
    """
    kind, charset = _content_type(headers.get("content-type", ""))
    text = _decoded(_unpacked(content, headers.get("content-encoding", ""), limit), charset)
    if not text.strip():
        return {}
    try:
        value = _storable(_json(text))
    except RecursionError:
        raise Unreadable("is nested too deeply") from None
    except ValueError as error:
        return {"text": _plain(text, kind, error)}
    return value if isinstance(value, dict) else {"value": value}


def _content_type(value: str) -> tuple[str, str]:
    """Media type and charset, "" where none is declared."""
    if not value.strip():
        return "", ""
    message = Message()
    message["content-type"] = value
    return message.get_content_type(), message.get_content_charset("")


def _unpacked(content: bytes, encodings: str, limit: int) -> bytes:
    """None was offered; who packs all the same is read where that can be done, and checked to its end."""
    names = [name for part in encodings.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if content and len(names) > MOST_ENCODINGS:
        raise Unreadable("is packed too many times")
    for name in reversed(names if content else []):
        unpack = UNPACKERS.get(name)
        if unpack is None:
            raise Unreadable("has a content encoding that was not offered")
        try:
            content = unpack(content, limit + 1)
        except (OSError, EOFError, zlib.error):
            raise Unreadable(f"is no {name} from beginning to end") from None
        if len(content) > limit:
            raise TooLarge(f"is larger than {limit} bytes when unpacked")
    return content


def _gunzip(content: bytes, most: int) -> bytes:
    # GzipFile checks length and sum where a member ends; zlib alone takes a body that was cut for a whole one.
    return gzip.GzipFile(fileobj=BytesIO(content)).read(most)


def _inflate(content: bytes, most: int) -> bytes:
    """With zlib's wrapping as the standard says, or without it as some send it."""
    try:
        return _inflated(content, most, zlib.MAX_WBITS)
    except zlib.error:
        return _inflated(content, most, -zlib.MAX_WBITS)


def _inflated(content: bytes, most: int, window: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    plain = unpacker.decompress(content, most)
    if len(plain) < most and (not unpacker.eof or unpacker.unused_data):
        raise EOFError
    return plain


UNPACKERS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
}


def _decoded(content: bytes, charset: str) -> str:
    """Without a charset it is UTF-8, or what a byte order mark says; of one that nobody knows ASCII is certain."""
    try:
        return content.decode(_codec(charset) if charset else _marked(content), "strict")
    except UnicodeError:
        raise Unreadable("is not in the charset that it declares" if charset else "is not UTF-8") from None


def _marked(content: bytes) -> str:
    found = json.detect_encoding(content)
    return "utf-8" if found.endswith(("-le", "-be")) else found


def _codec(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name if LABEL.fullmatch(charset) else ""
    except LookupError:
        name = ""
    if not CHARSETS.fullmatch(name):
        return "ascii"
    return "utf-8-sig" if name == "utf-8" else name


def _json(text: str) -> Any:
    """Raises ValueError, also where two readers could see different values."""
    return json.loads(
        text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite_number
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("says one key twice")
    return found


def _finite_number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("has a number that is too large")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"has {name} for a number")


def _storable(value: Any) -> Any:
    """The same without what no database takes: NUL, and halves of characters that a provider has cut."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return _unique([(_storable(name), _storable(item)) for name, item in value.items()])
    return [_storable(item) for item in value] if isinstance(value, list) else value


def _plain(text: str, kind: str, error: ValueError) -> str:
    """What is no JSON is text, where it neither says nor looks as if it were something else."""
    if kind == "application/json" or kind.endswith("+json") or text.lstrip().startswith(JSON_BEGINS):
        why = "is no JSON, or was cut short" if isinstance(error, json.JSONDecodeError) else str(error)
        raise Unreadable(why)
    # Slack answers "ok" as text/html: a word without a tag is no page.
    if (kind in HTML and TAG.search(text)) or PAGE.search(text[:WHERE_PAGES_BEGIN]):
        raise Unreadable("is a page for people, as a proxy or a sign-in shows it")
    return text.replace("\x00", "")
