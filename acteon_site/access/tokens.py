"""Tokens of people who sign in by API: made once, stored as a SHA-256, over after some hours.

A token is its user's, as the user is now: it ends with sign-out, expiry, another password, deactivation or the last
group, and its role follows the user's groups.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import User, update_last_login
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from acteon_site.access.keys import LAST_USE_GRAIN, secret_hash
from acteon_site.access.people import GROUPS
from acteon_site.access.reach import person_principal
from acteon_site.access.revocation import tell_revoked
from acteon_site.base.principals import Principal, Role
from acteon_site.models import LoginToken

# Not the beginning of any API key, whatever random characters that one has.
TOKEN_PREFIX = "acteontoken_"  # noqa: S105 - what tokens begin with, no secret
# Of the gateway's groups; who is in none of them may do nothing here.
ROLES = {
    **dict.fromkeys(GROUPS, Role.VIEWER),
    "operator": Role.OPERATOR,
    "administrator": Role.ADMIN,
}


def person_of(*, username: str, password: str) -> User | None:
    """Who may have a token, or None: unknown, wrong and not allowed look the same and take the same time."""
    user = authenticate(username=username, password=password)
    if not isinstance(user, User) or not user.is_staff or role_of(user) is None:
        return None
    return user


def token_create(*, user: User, address: str = "", agent: str = "") -> str:
    """A fresh token, for whom `person_of` has named and who has proved whatever else is asked of him."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    LoginToken.objects.create(
        user=user,
        secret_hash=secret_hash(secret),
        password_mark=user.get_session_auth_hash(),
        expires_at=timezone.now() + timedelta(seconds=settings.TOKEN_SECONDS),
        address=address[:64],
        agent=agent,
    )
    update_last_login(None, user)  # type: ignore[arg-type]
    return secret


def token_revoke(*, credential: str) -> None:
    LoginToken.objects.filter(pk=credential).delete()
    transaction.on_commit(tell_revoked)


def token_principal(secret: str) -> Principal | None:
    """The caller whom the token names, or None."""
    token = (
        LoginToken.objects.select_related("user__person_roles")
        .filter(secret_hash=secret_hash(secret))
        .first()
    )
    principal = _principal(token) if token else None
    if token and principal:
        _seen(token)
    return principal


def _seen(token: LoginToken) -> None:
    now = timezone.now()
    if token.last_seen_at is None or now - token.last_seen_at > LAST_USE_GRAIN:
        LoginToken.objects.filter(pk=token.pk).update(last_seen_at=now)


def tokens_standing(principals: Collection[Principal]) -> set[Principal]:
    """Those of these whose token is still good and their role unchanged."""
    ids = [principal.credential for principal in principals]
    tokens = LoginToken.objects.select_related("user__person_roles").filter(pk__in=ids)
    return {principal for token in tokens if (principal := _principal(token))} & set(principals)


def tidy_tokens(now: datetime, batch: int) -> int:
    """Tokens whose time is over."""
    over = LoginToken.objects.filter(expires_at__lte=now).order_by("expires_at")
    ids = list(over.values_list("pk", flat=True)[:batch])
    LoginToken.objects.filter(pk__in=ids).delete()
    return len(ids)


def _principal(token: LoginToken) -> Principal | None:
    user = token.user
    same_password = constant_time_compare(token.password_mark, user.get_session_auth_hash())
    if not (same_password and user.is_active and user.is_staff and token.expires_at > timezone.now()):
        return None
    role = role_of(user)
    if role is None:
        return None
    return person_principal(
        user,
        most=role,
        auth_method="token",
        idempotency_scope=f"user:{user.pk}",
        credential=str(token.pk),
    )


def role_of(user: User) -> Role | None:
    if user.is_superuser:
        return Role.ADMIN
    groups = user.groups.values_list("name", flat=True)
    return max((ROLES[name] for name in groups if name in ROLES), default=None)
