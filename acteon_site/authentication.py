"""Who is calling: an API key, or (embedded mode, served on loopback) anyone on this machine."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from acteon_site.base.principals import Principal, Role
from acteon_site.keys import principal_of

Pair = tuple[Principal, None]


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request | HttpRequest) -> Pair | None:
        secret = given_secret(request)
        if secret is None:
            return None
        principal = principal_of(secret)
        if principal is None:
            raise AuthenticationFailed("this API key is unknown, expired or revoked")
        return principal, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="acteon"'


class LoopbackAuthentication(BaseAuthentication):
    """Open only where `manage.py serve` bound to a loopback address, and only to loopback peers.

    The Host header must name loopback too, and a browser's cross-site request is refused: a web page that
    someone on this machine visits must not be able to place orders.
    """

    def authenticate(self, request: Request | HttpRequest) -> Pair | None:
        if not settings.API_OPEN_ON_LOOPBACK or not is_loopback(request.META.get("REMOTE_ADDR", "")):
            return None
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return None
        return Principal("local", "loopback", Role.ADMIN), None


def given_secret(request: Request | HttpRequest) -> str | None:
    bearer = request.headers.get("Authorization", "")
    if bearer.lower().startswith("bearer "):
        return bearer[7:].strip()
    return request.headers.get("X-API-Key")


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def authenticate_request(request: HttpRequest) -> Principal:
    """For views outside DRF. Raises AuthenticationFailed where nobody is known."""
    for method in (ApiKeyAuthentication(), LoopbackAuthentication()):
        pair = method.authenticate(request)
        if pair is not None:
            return pair[0]
    raise AuthenticationFailed("an API key is needed: Authorization: Bearer <key>")
