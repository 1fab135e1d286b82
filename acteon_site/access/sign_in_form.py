"""Signing in to the admin, counted as signing in by API is: both share a username's attempts."""

from __future__ import annotations

import math
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from unfold.forms import AuthenticationForm

from acteon_site.access.known_devices import device_remember
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
    """The admin's own page, which then knows the browser of whoever has signed in."""
    response = admin.site.login(request)
    if request.method == "POST" and request.user.is_authenticated:
        device_remember(response, request, request.user.get_username())
    return response


def _waiting(error: AppError) -> str:
    if error.status != 429:
        return "Too many people sign in at the moment. Try again in a few seconds."
    minutes = math.ceil(int(error.headers["Retry-After"]) / 60)
    wait = "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"Too many failed sign-ins for this username from here. Wait {wait}, then try again."
