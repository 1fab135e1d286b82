"""What is wrong with a webhook's settings, key by key. `check_url` serves every kind that calls an address."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from chains_app import templating
from chains_app.definitions.reader import Reader
from chains_app.providers import signing

METHODS = ("POST", "PUT", "PATCH", "GET", "DELETE")
IN_QUERY = ("GET", "DELETE")
FORMATS = ("json", "form")
SMALLEST, LARGEST = 1024, 8 * 1024 * 1024
MOST_KEYS, MOST_MAPPED = 5, 50
FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# What the request itself decides; a configured value would break it or be lost.
RESERVED_HEADERS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "idempotency-key")
) | {"webhook-id", "webhook-timestamp", "webhook-signature"}


def check_url(reader: Reader, key: str = "url") -> None:
    url = reader.raw(key)
    if not isinstance(url, str) or not url:
        reader.problem(key, "is required")
        return
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        reader.problem(key, "is no URL")
        return
    if parsed.scheme not in ("http", "https") or not parsed.host:
        reader.problem(key, "must begin with https:// (or http://) and name a host")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        reader.problem(key, "must have a port from 1 to 65535")
    if parsed.userinfo:
        reader.problem(key, "must hold no user name or password; put an Authorization header into headers")


def check_no_body(reader: Reader) -> None:
    if reader.raw("method") in IN_QUERY and reader.has("format"):
        reader.problem("format", f"{reader.raw('method')} has no body: the payload goes into the query")


def check_sizes(reader: Reader) -> None:
    for key in ("max_request_bytes", "max_response_bytes"):
        reader.integer(key, SMALLEST, SMALLEST, LARGEST)


def check_headers(reader: Reader) -> None:
    headers = reader.raw("headers")
    if headers is None:
        return
    if not isinstance(headers, Mapping):
        reader.problem("headers", "must be an object of header names and values")
        return
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(str(name)):
            reader.problem("headers", f'"{name}" is no header name')
        elif str(name).lower() in RESERVED_HEADERS:
            reader.problem(f"headers.{name}", "is set by the gateway itself")
        elif not isinstance(value, str) or not value.isascii() or not value.isprintable():
            reader.problem(f"headers.{name}", "must be printable ASCII text")


def check_signing_keys(reader: Reader) -> None:
    if reader.raw("signing_key") is not None:
        _check_signing_key(reader, "signing_key", reader.raw("signing_key"))
    keys = reader.items("signing_keys")
    for index, key in enumerate(keys):
        _check_signing_key(reader, f"signing_keys[{index}]", key)
    if len(keys) > MOST_KEYS:
        reader.problem("signing_keys", f"must be at most {MOST_KEYS}, the newest first")
    if keys and reader.raw("signing_key") is not None:
        message = "stands beside signing_key; keep one of them (signing_key: null forgets it)"
        reader.problem("signing_keys", message)


def _check_signing_key(reader: Reader, place: str, secret: object) -> None:
    try:
        if not isinstance(secret, str) or len(signing.signing_key(secret)) < 16:
            reader.problem(place, "must be text of at least 16 bytes")
    except ValueError as error:
        reader.problem(place, str(error))


def check_mapping(reader: Reader) -> None:
    mapping = reader.raw("response_mapping")
    if mapping is None:
        return
    if not isinstance(mapping, Mapping) or len(mapping) > MOST_MAPPED:
        message = (
            f"must be an object of at most {MOST_MAPPED} names, each with a path such as data.items[0].free"
        )
        reader.problem("response_mapping", message)
        return
    for name, path in mapping.items():
        if not FIELD_NAME.fullmatch(str(name)):
            message = f'"{name}" must be a name of letters, digits, "_" and "-", without dots'
            reader.problem("response_mapping", message)
        elif not isinstance(path, str) or not templating.is_path(path):
            reader.problem(f"response_mapping.{name}", "must be a path such as data.items[0].free")
