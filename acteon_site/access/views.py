"""POST /v1/auth/login and /v1/auth/logout: people of the admin sign in by API. And the keys that sign requests."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.access.acts import act_note
from acteon_site.access.known_devices import device_remember
from acteon_site.access.second_steps import code_take, standing_of
from acteon_site.access.sign_in import code_attempt, sign_in_attempt
from acteon_site.access.tokens import person_of, token_create, token_revoke
from acteon_site.access.whence import agent_of, client_address
from acteon_site.base.errors import AppError, FieldProblem, forbidden, invalid_fields
from acteon_site.base.principals import Role
from acteon_site.http.endpoint import Endpoint, body_of, caller_of

LONGEST = {"username": 150, "password": 4096}
LONGEST_CODE = 40


class Login(Endpoint):
    """A token for a person who may use the admin."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def post(self, request: Request) -> Response:
        username, password, code = _credentials(body_of(request))
        django_request = request._request
        with sign_in_attempt(django_request, username) as attempt:
            user = person_of(username=username, password=password)
            if user is None:
                raise _unknown("username or password is wrong")
            attempt.succeeded()
        _prove_second_step(django_request, user, code)
        address, agent = client_address(django_request), agent_of(django_request)
        token = token_create(user=user, address=address, agent=agent)
        act_note(django_request, username=user.get_username(), what="signed in", words="by API")
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


def _unknown(message: str, *problems: FieldProblem) -> AppError:
    headers = {"WWW-Authenticate": 'Bearer realm="acteon"'}
    return AppError(message, "UNAUTHENTICATED", 401, details=problems, headers=headers)


def _prove_second_step(request: HttpRequest, user: User, code: str) -> None:
    """Raises 401 where a code is asked for and this is none, 403 where one has to be set up first."""
    standing = standing_of(user)
    if not standing.has:
        if standing.must:
            raise forbidden("sign in at /admin/ first: a second step has to be set up there")
        return
    if not code:
        needed = "of your authenticator app, or a recovery code, is needed beside the password"
        raise _unknown("a second step is needed: send its code as `code`", FieldProblem("code", needed))
    attempt = code_attempt(request, user.get_username())
    if not code_take(user=user, code=code):
        raise _unknown("the code is wrong, too old or used", FieldProblem("code", "take the one shown now"))
    attempt.succeeded()


def _credentials(body: dict[str, Any]) -> tuple[str, str, str]:
    """Username, password, and the code of a second step or an empty text."""
    problems = [
        FieldProblem(name, f"must be text of 1 to {longest} characters")
        for name, longest in LONGEST.items()
        if not isinstance(body.get(name), str) or not 1 <= len(body[name]) <= longest
    ]
    code = body.get("code") or ""
    if not isinstance(code, str) or len(code) > LONGEST_CODE:
        problems.append(FieldProblem("code", f"must be text of at most {LONGEST_CODE} characters"))
    if problems:
        raise invalid_fields(problems)
    return body["username"], body["password"], code
