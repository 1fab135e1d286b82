"""Which callers may still listen: asked when a key was revoked, and each second, for all open streams at once."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q
from django.utils import timezone

from acteon_site.access.keys import key_principal
from acteon_site.access.tokens import tokens_standing
from acteon_site.base.principals import Principal
from acteon_site.models import ApiKey


def standing(principals: Collection[Principal]) -> set[Principal]:
    """Those whose key or token is neither revoked, expired nor changed in scope. Callers without one stay."""
    keys = {principal for principal in principals if principal.auth_method == "api_key"}
    tokens = {principal for principal in principals if principal.auth_method == "token"}
    standing = set(principals) - keys - tokens
    if keys:
        standing |= _keys_standing(keys)
    if tokens:
        standing |= tokens_standing(tokens)
    return standing


def _keys_standing(principals: set[Principal]) -> set[Principal]:
    wanted = {principal.credential for principal in principals}
    alive = ApiKey.objects.filter(pk__in=wanted, revoked_at__isnull=True).filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    )
    return {key_principal(key) for key in alive} & principals
