"""An HMAC over a request in a header, as many shops' and banks' interfaces ask for it, each in its own way.

What is signed is a list of parts, joined by a separator: GitHub and Shopify sign the body, others the method, the path
and a time as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any

from chains_app.definitions.reader import Reader
from chains_app.providers.base import ProviderSettings
from chains_app.providers.requests import HttpRequest, address_of, joined, whole_query
from chains_app.providers.webhook_checks import HEADER_NAME, RESERVED_HEADERS

KEYS = ("header", "algorithm", "encoding", "prefix", "signed", "separator", "timestamp_header")
SECRET = "hmac_key"  # noqa: S105 - the name of a key
ALGORITHMS = ("sha256", "sha384", "sha512")
ENCODINGS = ("hex", "base64")
MOST_SEPARATOR = 4


def _target(request: HttpRequest) -> tuple[bytes, bytes]:
    address = address_of(request.url)
    return address.path, whole_query(address, request.query)


PARTS: Mapping[str, Callable[[HttpRequest, str], bytes]] = {
    "method": lambda request, _: request.method.encode(),
    "path": lambda request, _: _target(request)[0],
    "query": lambda request, _: _target(request)[1],
    "timestamp": lambda _, now: now.encode(),
    "idempotency_key": lambda request, _: request.headers["Idempotency-Key"].encode(),
    "body": lambda request, _: request.content,
}


def signed_request(settings: ProviderSettings, request: HttpRequest) -> dict[str, str]:
    """The request's headers, with the signature; as they are where no `hmac` is set."""
    terms: Mapping[str, Any] | None = settings.config.get("hmac")
    if terms is None:
        return dict(request.headers)
    now = str(int(time.time()))
    parts = terms.get("signed", ["body"])
    message = terms.get("separator", "\n").encode().join(PARTS[part](request, now) for part in parts)
    key = settings.secrets[SECRET].encode()
    digest = hmac.new(key, message, getattr(hashlib, terms.get("algorithm", "sha256"))).digest()
    text = digest.hex() if terms.get("encoding", "hex") == "hex" else base64.b64encode(digest).decode()
    made = {terms.get("header", "X-Signature"): terms.get("prefix", "") + text}
    if "timestamp" in parts:
        made[_timestamp_header(terms)] = now
    return joined(request.headers, made)


def check_hmac(reader: Reader) -> None:
    terms = reader.raw("hmac")
    if terms is None:
        if reader.has(SECRET):
            reader.problem(SECRET, "needs hmac: {header: …} beside it")
        return
    inner = Reader(terms, "hmac", KEYS, reader.problems)
    for key in ("header", "timestamp_header"):
        _check_header(inner, key)
    inner.choice("algorithm", ALGORITHMS, "sha256")
    inner.choice("encoding", ENCODINGS, "hex")
    _check_signed(inner)
    for key, most in (("prefix", 50), ("separator", MOST_SEPARATOR)):
        if len(inner.text(key)) > most or not inner.text(key).isascii():
            inner.problem(key, f"must be ASCII text of at most {most} characters")
    if len(reader.text(SECRET)) < 16:
        reader.problem(SECRET, "must be text of at least 16 characters")


def _check_header(reader: Reader, key: str) -> None:
    name = reader.text(key)
    if name and (not HEADER_NAME.fullmatch(name) or name.lower() in RESERVED_HEADERS | {"authorization"}):
        reader.problem(
            key, f'"{name}" is no name for it: the gateway sets such a header itself, or it is none'
        )


def _check_signed(reader: Reader) -> None:
    parts = reader.items("signed")
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        reader.problem("signed", f'"{unknown[0]}" is no part of a request; there are {", ".join(PARTS)}')
    elif len(parts) != len(set(parts)) or (reader.has("signed") and not parts):
        reader.problem("signed", "must name each part once, and at least one")


def _timestamp_header(terms: Mapping[str, Any]) -> str:
    return str(terms.get("timestamp_header", "X-Timestamp"))
