"""Which callers may still listen: asked when a key was revoked, and each second, for all open streams at once."""

from __future__ import annotations

from collections.abc import Collection

from acteon_site.access.keys import keys_standing
from acteon_site.access.session_standing import METHOD, sessions_standing
from acteon_site.access.tokens import tokens_standing
from acteon_site.base.principals import Principal


def standing(principals: Collection[Principal]) -> set[Principal]:
    """Those whose key, token or session is neither revoked, expired nor changed. Callers without one stay."""
    keys = {principal for principal in principals if principal.auth_method == "api_key"}
    tokens = {principal for principal in principals if principal.auth_method == "token"}
    sessions = {principal for principal in principals if principal.auth_method == METHOD}
    standing = set(principals) - keys - tokens - sessions
    if keys:
        standing |= keys_standing(keys)
    if tokens:
        standing |= tokens_standing(tokens)
    if sessions:
        standing |= sessions_standing(sessions)
    return standing
