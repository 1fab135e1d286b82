"""Signing in to the admin, counted as signing in by API is: both share a username's attempts."""

from __future__ import annotations

import math
from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from acteon_site.access.login_limits import attempt_count, attempts_forget
from acteon_site.access.whence import client_address
from acteon_site.base.errors import AppError


class LimitedAuthenticationForm(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not username or not password:
            return super().clean()
        address = client_address(self.request) if self.request else ""
        try:
            key = attempt_count(username=username, address=address)
        except AppError as error:
            raise ValidationError(_waiting(int(error.headers["Retry-After"])), code="too_many") from None
        cleaned = super().clean()
        attempts_forget(key)
        return cleaned


def _waiting(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    wait = "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"Too many failed sign-ins for this username from here. Wait {wait}, then try again."
