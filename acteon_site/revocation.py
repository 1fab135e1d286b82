"""Which callers may still listen: asked again every few seconds for all open streams at once."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q
from django.utils import timezone

from acteon_site.base.principals import Principal
from acteon_site.keys import key_principal
from acteon_site.models import ApiKey


def standing(principals: Collection[Principal]) -> set[Principal]:
    """Those whose key is neither revoked, expired nor changed in scope. Callers without a key stay."""
    keyless = {principal for principal in principals if principal.auth_method != "api_key"}
    wanted = {principal.idempotency_scope for principal in principals if principal not in keyless}
    if not wanted:
        return keyless
    alive = ApiKey.objects.filter(pk__in=wanted, revoked_at__isnull=True).filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    )
    return keyless | ({key_principal(key) for key in alive} & set(principals))
