"""Hashes: of content (to see a change) and keyed (to look something up without storing it)."""

from __future__ import annotations

import hashlib
import hmac
import json
from functools import lru_cache
from typing import Any

from django.conf import settings


def canonical_json(value: Any) -> str:
    """One spelling for equal values: sorted keys, no white space, UTF-8 kept."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_digest(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def keyed_hash(*parts: str) -> str:
    """HMAC-SHA256 over length-prefixed parts: "a","bc" and "ab","c" differ, and no one can guess back."""
    return _keyed_hash(settings.LOOKUP_HASH_KEY, parts)


@lru_cache(maxsize=4096)  # an order's names are looked up several times on its way
def _keyed_hash(key: str, parts: tuple[str, ...]) -> str:
    message = b"".join(b"%d:%s" % (len(raw), raw) for raw in (part.encode() for part in parts))
    return hmac.digest(key.encode(), message, "sha256").hex()
