"""API keys: made once, shown once, stored as a SHA-256 of 256 random bits (no slow hash is needed for those)."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from acteon_site.access.revocation import tell_revoked
from acteon_site.access.seen_keys import forget, remember
from acteon_site.base.errors import invalid_field
from acteon_site.base.names import name_problem
from acteon_site.base.principals import Principal, Role
from acteon_site.base.statements import execute, json_text
from acteon_site.models import ApiKey

PREFIX = "acteon_"
SHOWN = 14
ROLES = {"viewer": Role.VIEWER, "operator": Role.OPERATOR, "admin": Role.ADMIN}
LAST_USE_GRAIN = timedelta(minutes=1)
MAX_NAME = 150
MAX_DAYS = 36_500


def secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def api_key_create(
    *, name: str, role: str, expires_at: datetime | None = None, **scopes: Any
) -> tuple[ApiKey, str]:
    """A new key and its secret, which cannot be shown again. Scopes: namespaces, tenants, providers, action_types."""
    for field, problem in (("name", key_name_problem(name)), ("expires_at", expiry_problem(expires_at))):
        if problem:
            raise invalid_field(field, problem)
    if role not in ROLES:
        raise invalid_field("role", f"must be one of {', '.join(ROLES)}")
    if ApiKey.objects.filter(name=name).exists():
        raise invalid_field("name", f"a key named {name!r} exists already")
    secret = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        role=role,
        prefix=secret[:SHOWN],
        secret_hash=secret_hash(secret),
        expires_at=expires_at,
        **scopes,
    )
    return key, secret


def key_name_problem(name: str) -> str | None:
    if len(name) > MAX_NAME:
        return f"must have at most {MAX_NAME} characters, has {len(name)}"
    return name_problem(name)


def expiry_problem(expires_at: datetime | None) -> str | None:
    if expires_at is not None and expires_at > timezone.now() + timedelta(days=MAX_DAYS):
        return f"must be within {MAX_DAYS} days"
    return None


def api_key_revoke(*, key: ApiKey) -> None:
    """From now on it opens nothing, and its open streams end."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
    transaction.on_commit(tell_revoked)


def key_principal(secret: str) -> Principal | None:
    """The caller whom the key names, or None: unknown, revoked and expired look the same."""
    key = _living().filter(secret_hash=secret_hash(secret)).first()
    if key is None:
        return None
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > LAST_USE_GRAIN:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    principal = _principal(key)
    remember(secret, principal)
    return principal


def keys_standing(principals: Collection[Principal]) -> set[Principal]:
    """Those of these whose key is neither revoked nor expired, and its role and scope unchanged."""
    ids = [principal.credential for principal in principals]
    if connection.vendor == "postgresql":
        found = {_named(*row) for row in execute(_STANDING, [json_text(ids)])}
    else:
        found = {_principal(key) for key in _living().filter(pk__in=ids)}
    return found & set(principals)


class KeysStanding:
    """acteon_site.base.standing.Standing, of API keys."""

    def now(self, callers: Collection[Principal]) -> set[Principal]:
        return keys_standing(callers)

    def asking(self, callers: Collection[Principal]) -> tuple[str, list[Any]]:
        return _STANDING_TOGETHER, [json_text([caller.credential for caller in callers])]

    def found(self, callers: Collection[Principal], told: Any) -> set[Principal]:
        return {_named(*row) for row in told} & set(callers)

    def forget(self, caller: Principal) -> None:
        forget(caller)


# Asked for each set of orders, so the server keeps it prepared; scopes come as the texts of their JSON.
_STANDING = f"""SELECT id::text, name, role, namespaces::text, tenants::text, providers::text, action_types::text
FROM {ApiKey._meta.db_table}
WHERE id IN (SELECT value::uuid FROM json_array_elements_text(%s::json))
AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"""  # noqa: S608 - a model's own name


_STANDING_TOGETHER = f"""(SELECT coalesce(json_agg(json_build_array(
    id, name, role, namespaces, tenants, providers, action_types)), '[]') FROM ({_STANDING}) AS standing)"""  # noqa: S608


@lru_cache(maxsize=1024)
def _named(pk: str, name: str, role: str, *scopes: str) -> Principal:
    names = ("namespaces", "tenants", "providers", "action_types")
    return _principal(
        ApiKey(pk=pk, name=name, role=role, **dict(zip(names, map(json.loads, scopes), strict=True)))
    )


def _living() -> QuerySet[ApiKey]:
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    return ApiKey.objects.filter(unexpired, revoked_at__isnull=True)


def _principal(key: ApiKey) -> Principal:
    return Principal(
        caller_id=f"key:{key.name}",
        auth_method="api_key",
        role=ROLES[key.role],
        namespaces=tuple(key.namespaces),
        tenants=tuple(key.tenants),
        providers=tuple(key.providers),
        action_types=tuple(key.action_types),
        idempotency_scope=str(key.pk),
        credential=str(key.pk),
    )
