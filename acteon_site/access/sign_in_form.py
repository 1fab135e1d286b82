"""Signing in to the admin, counted as signing in by API is: both share a username's attempts."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from unfold.forms import AuthenticationForm

from acteon_site.access.entering import may_enter
from acteon_site.access.half_signed import HALF, first_step_done
from acteon_site.access.known_devices import device_remember
from acteon_site.access.oidc.provider import is_set_up
from acteon_site.access.sessions import session_left
from acteon_site.access.sign_in import sign_in_attempt
from acteon_site.base.errors import AppError


class LimitedAuthenticationForm(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not username or not password:
            return super().clean()
        try:
            with sign_in_attempt(self.request or HttpRequest(), username) as attempt:
                cleaned = super().clean()
                attempt.succeeded()
        except AppError as error:
            raise ValidationError(_waiting(error), code="too_many") from None
        return cleaned


def admin_login(request: HttpRequest) -> HttpResponseBase:
    """The admin's own page. Who has a second step is nobody again until he has proved it, too."""
    if request.method != "POST":
        return _asked(request)
    response = admin.site.login(request)
    if not request.user.is_authenticated:
        return response
    assert isinstance(request.user, User)  # noqa: S101 - the page lets in nobody else
    name = request.user.get_username()
    following = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    led = HttpResponseRedirect(first_step_done(request, request.user, how="password", following=following))
    # Not after half a sign-in: each such browser would have guesses at the second step of its own.
    if HALF not in request.session:
        device_remember(led, request, name)
    return led


def admin_logout(request: HttpRequest) -> HttpResponseBase:
    """Signing out stands in the record of what people did, too."""
    if request.method == "POST" and request.user.is_authenticated:
        session_left(request, request.user.get_username())
    return admin.site.logout(request)


def _asked(request: HttpRequest) -> HttpResponseBase:
    """The page; or, of who is signed in and now has to prove more, what he has to."""
    user, following = request.user, request.GET.get(REDIRECT_FIELD_NAME, "")
    if isinstance(user, User) and user.is_active and user.is_staff and not may_enter(request):
        return HttpResponseRedirect(first_step_done(request, user, how="password", following=following))
    name = settings.OIDC_NAME if is_set_up() else ""
    return admin.site.login(request, {"oidc_name": name})


def _waiting(error: AppError) -> str:
    if error.status != 429:
        return "Too many people sign in at the moment. Try again in a few seconds."
    minutes = math.ceil(int(error.headers["Retry-After"]) / 60)
    wait = "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"Too many failed sign-ins for this username from here. Wait {wait}, then try again."
