"""A browser or client that a person has signed in with before has attempts of its own.

Else whoever shares an address with that person (an office, a proxy) could shut him out by guessing his password.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

COOKIE = "acteon_device"
SALT = "acteon.known-device"
DAYS = 180


def device_of(request: HttpRequest, username: str) -> str:
    """The name of a device that this person has signed in with, or empty."""
    try:
        told = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=DAYS * 86_400)
        owner, device = told
    except (signing.BadSignature, TypeError, ValueError):
        return ""
    return str(device) if owner == username.casefold() else ""


def device_remember(response: HttpResponseBase, request: HttpRequest, username: str) -> None:
    """Called after a sign-in. It says nothing of who is signed in, and opens nothing."""
    device = device_of(request, username) or secrets.token_urlsafe(16)
    response.set_cookie(
        COOKIE,
        signing.dumps([username.casefold(), device], salt=SALT),
        max_age=DAYS * 86_400,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
