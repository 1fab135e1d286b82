"""People's sessions as callers of the stream, and whether they still stand."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from acteon_site.base.principals import Principal, Role

METHOD = "session"


def session_principal(request: HttpRequest, permission: str) -> Principal | None:
    """Who is signed in to the admin with this permission, who sees all tenants there; None where nobody is."""
    user = request.user
    if not (user.is_active and user.is_staff and user.has_perm(permission)):
        return None
    credential = f"{request.session.session_key} {permission}"
    return Principal(f"user:{user.get_username()}", METHOD, Role.VIEWER, credential=credential)


def sessions_standing(principals: Collection[Principal]) -> set[Principal]:
    """Those who have not signed out, been signed out, lost their permission or changed their password since."""
    keys = {principal.credential.partition(" ")[0] for principal in principals}
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    sessions = {row.session_key: row.get_decoded() for row in rows}
    ids = {str(data[SESSION_KEY]) for data in sessions.values() if SESSION_KEY in data}
    users = {str(user.pk): user for user in get_user_model().objects.filter(pk__in=ids, is_active=True)}
    return {principal for principal in principals if _stands(principal, sessions, users)}


def _stands(principal: Principal, sessions: dict[str, dict[str, Any]], users: dict[str, Any]) -> bool:
    key, _, permission = principal.credential.partition(" ")
    session = sessions.get(key, {})
    user = users.get(str(session.get(SESSION_KEY)))
    if user is None:
        return False
    same_password = constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    return same_password and user.is_staff and user.has_perm(permission)
