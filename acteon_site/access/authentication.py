"""Who is calling: an API key, a token, or (embedded mode, served on loopback) anyone on this machine."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from acteon_site.access.keys import key_principal
from acteon_site.access.tokens import TOKEN_PREFIX, token_principal
from acteon_site.access.whence import agent_of, client_address, is_from_another_site, is_local
from acteon_site.base.principals import Principal, Role
from acteon_site.http.requests import refuse_doubt
from acteon_site.http.throttling import rate_check

Pair = tuple[Principal, None]


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key or token>`, or `X-API-Key: <key>`."""

    def authenticate(self, request: Request | HttpRequest) -> Pair | None:
        token, key = _bearer(request), request.headers.get("X-API-Key", "")
        if not token and not key:
            return None
        principal = _bearer_principal(token) if token else key_principal(key)
        if principal is None:
            raise AuthenticationFailed("this key or token is unknown, expired or revoked")
        if principal.auth_method == "token":
            principal = replace(principal, address=client_address(request)[:64], agent=agent_of(request))
        return principal, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="acteon"'


class LoopbackAuthentication(BaseAuthentication):
    """Open only where `manage.py serve` bound to a loopback address, and only to loopback peers.

    What a proxy on this machine passes on is somebody else's, and a browser's cross-site request is refused: a web
    page that someone on this machine visits must not be able to place orders.
    """

    def authenticate(self, request: Request | HttpRequest) -> Pair | None:
        if not settings.API_OPEN_ON_LOOPBACK or not is_local(request) or is_from_another_site(request):
            return None
        return Principal("local", "loopback", Role.ADMIN), None


def _bearer(request: Request | HttpRequest) -> str:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _bearer_principal(secret: str) -> Principal | None:
    return token_principal(secret) if secret.startswith(TOKEN_PREFIX) else key_principal(secret)


def admit_request(request: HttpRequest) -> Principal:
    """The caller of a view outside DRF, as DRF would let it in: known, within its rate, with a sane request."""
    caller = authenticate_request(request)
    rate_check(caller)
    refuse_doubt(request)
    return caller


def authenticate_request(request: HttpRequest) -> Principal:
    """For views outside DRF. Raises AuthenticationFailed where nobody is known."""
    for method in (ApiKeyAuthentication(), LoopbackAuthentication()):
        pair = method.authenticate(request)
        if pair is not None:
            return pair[0]
    raise AuthenticationFailed("an API key or a token is needed: Authorization: Bearer <key>")
