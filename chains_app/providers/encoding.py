"""Bodies of outgoing requests, and their signatures."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from chains_app.providers.base import SERIALIZATION, ProviderError

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
SECRET_PREFIX = "whsec_"  # noqa: S105 - the Standard Webhooks prefix, not a secret


def encode_json(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError) as error:
        raise ProviderError(SERIALIZATION, "the payload cannot be written as JSON") from error


def encode_form(payload: Mapping[str, Any]) -> bytes:
    """Nested as Stripe reads it: {"card": {"last4": 1}, "items": [2]} is card[last4]=1&items[0]=2.

    Truth values are true and false; null and empty objects and lists are left out.
    """
    try:
        return urlencode([pair for key, value in payload.items() for pair in _pairs(key, value)]).encode()
    except UnicodeEncodeError as error:
        raise ProviderError(SERIALIZATION, "the payload cannot be written as a form") from error


def _pairs(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _pairs(f"{key}[{name}]", item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _pairs(f"{key}[{index}]", item)
    elif isinstance(value, bool):
        yield key, "true" if value else "false"
    elif value is not None:
        yield key, str(value)


def signing_key(secret: str) -> bytes:
    """The bytes of a Standard Webhooks secret: base64 after `whsec_`, else the text. Raises ValueError."""
    if not secret.startswith(SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("must be base64 after whsec_") from error


def webhook_signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature for the header `webhook-signature` of the Standard Webhooks specification, version 1."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    digest = hmac.new(signing_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
