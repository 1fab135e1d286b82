"""API keys that this process has seen lately, so that not every request asks the database who its caller is.

What is remembered says who somebody was, and never that he still is: whoever goes by it asks `keys_standing` of all
callers of a set before anything is done for them. After a minute a key is looked up anew, which notes its last use.
"""

from __future__ import annotations

import hashlib
import time

from acteon_site.base.principals import Principal

SECONDS = 60.0
MOST = 10_000
_seen: dict[bytes, tuple[Principal, float]] = {}


def remember(secret: str, principal: Principal) -> None:
    if len(_seen) >= MOST:
        _seen.clear()
    _seen[_mark(secret)] = (principal, time.monotonic() + SECONDS)


def forget(principal: Principal) -> None:
    """Its key no longer stands as it was."""
    for mark, (known, _) in list(_seen.items()):
        if known == principal:
            _seen.pop(mark, None)


def principal_seen(secret: str) -> Principal | None:
    found = _seen.get(_mark(secret)) if secret else None
    return found[0] if found and found[1] > time.monotonic() else None


def _mark(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("latin-1", "replace")).digest()
