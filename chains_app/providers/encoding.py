"""Bodies of outgoing requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from chains_app.providers.base import SERIALIZATION, ProviderError

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


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
