"""Between the two steps: a browser that has proved the first one is nobody yet, and has ten minutes for the second."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme

from acteon_site.access.second_steps import standing_of
from acteon_site.access.sessions import session_begin

HALF = "half_signed"
SECONDS = 600
HOME = "admin:index"


def first_step_done(
    request: HttpRequest, user: User, *, how: str, following: str, proves_both: bool = False
) -> str:
    """Where to go on: to `following`, signed in, or to the page that asks for, or sets up, the second step.

    `proves_both`: the first step was another system's, which asks for two itself.
    """
    standing = standing_of(user)
    following = own_page(request, following)
    if proves_both or not standing.is_asked:
        session_begin(request, user, how=how, two_steps=proves_both)
        return following
    request.session.flush()
    request.session[HALF] = {
        "user": user.pk,
        "mark": user.get_session_auth_hash(),
        "at": timezone.now().timestamp(),
        "how": how,
        "following": following,
    }
    request.session.set_expiry(SECONDS)
    return reverse("second_step" if standing.has else "second_step_set_up")


def half_signed_user(request: HttpRequest) -> User | None:
    """Who has proved the first step in this browser, lately, and is still who he was."""
    half = request.session.get(HALF)
    if not half or timezone.now().timestamp() - half["at"] > SECONDS:
        return None
    user = User.objects.filter(pk=half["user"], is_active=True, is_staff=True).first()
    if user is None or not constant_time_compare(half["mark"], user.get_session_auth_hash()):
        return None
    return user


def second_step_done(request: HttpRequest, user: User) -> str:
    """Sign in whom `half_signed_user` has named, and answer the page that he wanted."""
    half: dict[str, Any] = request.session.pop(HALF)
    session_begin(request, user, how=half["how"], two_steps=True)
    return str(half["following"])


def own_page(request: HttpRequest, url: str) -> str:
    """The address if it is one of ours, else the home page."""
    own = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if url and own else reverse(HOME)
