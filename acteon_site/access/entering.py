"""Whether a browser may open the admin's pages, its streams included."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest

from acteon_site.access.second_steps import standing_of
from acteon_site.access.sessions import PROVED, is_over, session_seen


def may_enter(request: HttpRequest) -> bool:
    """Whether this browser may open the admin's pages: its person may, and has proved all that is asked of him.

    A page asks several times; the database is asked once.
    """
    asked: tuple[object, bool] | None = getattr(request, "_may_enter", None)
    if asked is None or asked[0] != request.user.pk:
        asked = request._may_enter = (request.user.pk, _may_enter(request))  # type: ignore[attr-defined]
    return asked[1]


def _may_enter(request: HttpRequest) -> bool:
    user = request.user
    if not (isinstance(user, User) and user.is_active and user.is_staff):
        return False
    if is_over(request.session) or (PROVED not in request.session and standing_of(user).is_asked):
        return False
    session_seen(request, user)
    return True
