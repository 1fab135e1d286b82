"""People's sessions as callers of the stream, and whether they still stand."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from acteon_site.access.entering import may_enter
from acteon_site.access.reach import person_principal
from acteon_site.access.sessions import is_over
from acteon_site.base.principals import Principal, Role

METHOD = "session"


def session_principal(request: HttpRequest, permission: str) -> Principal | None:
    """Who is in the admin with this permission, as far as he reaches there; None where nobody is."""
    user = request.user
    if not (isinstance(user, User) and may_enter(request) and user.has_perm(permission)):
        return None
    return _principal(user, f"{request.session.session_key} {permission}")


def _principal(user: User, credential: str) -> Principal:
    facts = {"auth_method": METHOD, "credential": credential}
    return person_principal(user, most=Role.VIEWER, **facts).acting_as(Role.VIEWER)


def sessions_standing(principals: Collection[Principal]) -> set[Principal]:
    """Those who have not signed out, been signed out, lost their permission or a role, or changed their password."""
    keys = {principal.credential.partition(" ")[0] for principal in principals}
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    sessions = {row.session_key: row.get_decoded() for row in rows}
    ids = {str(data[SESSION_KEY]) for data in sessions.values() if SESSION_KEY in data}
    users = {
        str(user.pk): user
        for user in User.objects.select_related("person_roles").filter(pk__in=ids, is_active=True)
    }
    return {principal for principal in principals if _stands(principal, sessions, users)}


def _stands(principal: Principal, sessions: dict[str, dict[str, Any]], users: dict[str, Any]) -> bool:
    key, _, permission = principal.credential.partition(" ")
    session = sessions.get(key, {})
    user = users.get(str(session.get(SESSION_KEY)))
    if user is None or is_over(session):
        return False
    same_password = constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    is_the_same = same_password and _principal(user, principal.credential) == principal
    return is_the_same and user.is_staff and user.has_perm(permission)
