"""POST /v1/auth/login and /v1/auth/logout: people of the admin sign in by API. And the keys that sign requests."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.access.known_devices import device_remember
from acteon_site.access.sign_in import sign_in_attempt
from acteon_site.access.tokens import token_create, token_revoke
from acteon_site.base.errors import AppError, FieldProblem, forbidden, invalid_fields
from acteon_site.base.principals import Role
from acteon_site.http.endpoint import Endpoint, body_of, caller_of

LONGEST = {"username": 150, "password": 4096}


class Login(Endpoint):
    """A token for a person who may use the admin."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def post(self, request: Request) -> Response:
        username, password = _credentials(body_of(request))
        with sign_in_attempt(request._request, username) as attempt:
            token = token_create(username=username, password=password)
            if token is None:
                headers = {"WWW-Authenticate": 'Bearer realm="acteon"'}
                raise AppError("username or password is wrong", "UNAUTHENTICATED", 401, headers=headers)
            attempt.succeeded()
        answer = Response({"token": token, "expires_in": settings.TOKEN_SECONDS})
        answer.headers["Cache-Control"] = "no-store"
        device_remember(answer, request._request, username)
        return answer


class Logout(Endpoint):
    """Ends the token that the request carries, and the streams that it opened."""

    write_role = Role.VIEWER

    def post(self, request: Request) -> Response:
        caller = caller_of(request)
        if caller.auth_method != "token":
            raise forbidden("only a token signs out; API keys are revoked in the admin")
        token_revoke(credential=caller.credential)
        return Response(status=204)


class SigningKeys(Endpoint):
    """Clients ask whose signatures to expect on requests. None are signed here, so the list is empty."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def get(self, request: Request) -> Response:
        return Response({"keys": [], "count": 0})


def _credentials(body: dict[str, Any]) -> tuple[str, str]:
    problems = [
        FieldProblem(name, f"must be text of 1 to {longest} characters")
        for name, longest in LONGEST.items()
        if not isinstance(body.get(name), str) or not 1 <= len(body[name]) <= longest
    ]
    if problems:
        raise invalid_fields(problems)
    return body["username"], body["password"]
