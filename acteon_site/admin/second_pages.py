"""The pages between the two steps of signing in: proving the second one, and setting it up first where there is none.

Whoever is signed in comes here, too: to add another, and to prove again before something that matters.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from acteon_site.access.acts import act_note
from acteon_site.access.entering import may_enter
from acteon_site.access.half_signed import HALF, half_signed_user, own_page, second_step_done
from acteon_site.access.known_devices import device_remember
from acteon_site.access.passkeys import (
    passkey_add,
    passkey_check,
    passkey_offer,
    passkey_question,
    passkeys_work,
)
from acteon_site.access.second_steps import (
    app_add,
    app_address,
    code_take,
    new_app_secret,
    recovery_codes_left,
    recovery_codes_make,
    sealed,
    standing_of,
    unsealed,
)
from acteon_site.access.sessions import PROVED, signed_in_end_all
from acteon_site.access.sign_in import code_attempt
from acteon_site.base.errors import AppError

SECRET, QUESTION, NEXT, CODES = "app_secret", "passkey_state", "after_second_step", "recovery_codes"
FRESH_SECONDS = 900
FOLDER = "admin/acteon_site/people"
View = Callable[..., HttpResponse]
WRONG = "This code is wrong, too old, or used already. Take the one that is shown now."


def someone(view: Callable[[HttpRequest, User], HttpResponse]) -> View:
    """A view for who has proved the first step, here and now, or is signed in."""

    @never_cache
    def shown(request: HttpRequest) -> HttpResponse:
        user = half_signed_user(request) or (request.user if may_enter(request) else None)
        if not isinstance(user, User):
            return HttpResponseRedirect(reverse("admin:login"))
        return view(request, user)

    return shown


def is_fresh(request: HttpRequest) -> bool:
    """Whether the second step was proved within the last minutes; asked before steps are added or taken off."""
    at = float(request.session.get(PROVED, 0))
    return timezone.now().timestamp() - at < FRESH_SECONDS


def prove_again(request: HttpRequest, following: str) -> HttpResponse:
    request.session[NEXT] = following
    return HttpResponseRedirect(reverse("second_step"))


@require_http_methods(["GET", "POST"])
@someone
def second_step(request: HttpRequest, user: User) -> HttpResponse:
    """A code of the app, a code for once, or a passkey."""
    if not standing_of(user).has:
        return HttpResponseRedirect(reverse("second_step_set_up"))
    problem = ""
    if request.method == "POST":
        problem = _code_problem(request, user)
        if not problem:
            return _known(request, user, HttpResponseRedirect(_proved(request, user)))
    asked = passkey_question(request, user) if passkeys_work(request) else None
    if asked:
        request.session[QUESTION] = asked[1]
    context = {"title": "Second step", "who": user.get_username(), "problem": problem}
    return _page(request, "second_step", {**context, "passkey": asked and asked[0]})


def _code_problem(request: HttpRequest, user: User) -> str:
    try:
        attempt = code_attempt(request, user.get_username())
    except AppError:
        return "Too many wrong codes. Wait a quarter of an hour, then try again."
    kind = code_take(user=user, code=request.POST.get("code", "")[:40])
    if not kind:
        return WRONG
    attempt.succeeded()
    if kind == "recovery":
        left = f"{recovery_codes_left(user)} left"
        act_note(request, username=user.get_username(), what="used a recovery code", words=left)
    return ""


@require_POST
@someone
def second_step_passkey(request: HttpRequest, user: User) -> HttpResponse:
    state = request.session.pop(QUESTION, None)
    try:
        attempt = code_attempt(request, user.get_username())
    except AppError as error:
        return JsonResponse({"error": error.message}, status=429)
    if not state or not passkey_check(request, user=user, state=state, answer=_answer(request)):
        return JsonResponse({"error": "The passkey did not prove itself. Load the page again."}, status=422)
    attempt.succeeded()
    return _known(request, user, JsonResponse({"to": _proved(request, user)}))


def _known(request: HttpRequest, user: User, response: HttpResponse) -> HttpResponse:
    """From now on this browser's attempts are its own."""
    device_remember(response, request, user.get_username())
    return response


def _proved(request: HttpRequest, user: User) -> str:
    if HALF in request.session:
        return second_step_done(request, user)
    request.session[PROVED] = timezone.now().timestamp()
    return own_page(request, request.session.pop(NEXT, ""))


@require_http_methods(["GET", "POST"])
@someone
def second_step_set_up(request: HttpRequest, user: User) -> HttpResponse:
    """An app by its picture and a code, or a passkey."""
    if (refused := _must_prove_first(request, user)) is not None:
        return refused
    secret, problem = _secret_of(request), ""
    if request.method == "POST":
        try:
            app_add(user=user, secret=secret, code=request.POST.get("code", "").replace(" ", ""))
        except AppError:
            problem = WRONG
        else:
            request.session.pop(SECRET, None)
            url = _set_up(request, user, "an authenticator app")
            return _known(request, user, HttpResponseRedirect(url))
    offer = passkey_offer(request, user) if passkeys_work(request) else None
    if offer:
        request.session[QUESTION] = offer[1]
    context = {
        "title": "Set up a second step",
        "who": user.get_username(),
        "must": HALF in request.session,
        "problem": problem,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "picture": _picture(app_address(user, secret)),
        "passkey": offer and offer[0],
    }
    return _page(request, "set_up", context)


@require_POST
@someone
def second_step_set_up_passkey(request: HttpRequest, user: User) -> HttpResponse:
    if _must_prove_first(request, user) is not None:
        return JsonResponse({"error": "Prove your second step again first."}, status=403)
    state, answer = request.session.pop(QUESTION, None), _answer(request)
    try:
        if not state:
            return JsonResponse({"error": "Load the page again."}, status=422)
        passkey_add(request, user=user, name=str(answer.pop("name", "")), state=state, answer=answer)
    except AppError as error:
        return JsonResponse({"error": error.message}, status=error.status)
    return _known(request, user, JsonResponse({"to": _set_up(request, user, "a passkey")}))


def _must_prove_first(request: HttpRequest, user: User) -> HttpResponse | None:
    """Who has a second step adds another after proving it: a browser left open must not be enough."""
    if not standing_of(user).has:
        return None
    if HALF in request.session:
        return HttpResponseRedirect(reverse("second_step"))
    return None if is_fresh(request) else prove_again(request, reverse("second_step_set_up"))


def _set_up(request: HttpRequest, user: User, what: str) -> str:
    """Signed in with it now; answers the page that shows its codes for once, where there were none before."""
    act_note(request, username=user.get_username(), what="set up a second step", words=what)
    if HALF in request.session:
        following = second_step_done(request, user)
    else:
        request.session[PROVED] = timezone.now().timestamp()
        following = reverse("own_security")
    signed_in_end_all(user=user, but=request.session.session_key)
    codes = [] if recovery_codes_left(user) else recovery_codes_make(user=user)
    return codes_page(request, codes, following)


def codes_page(request: HttpRequest, codes: list[str], following: str) -> str:
    request.session[CODES] = sealed(json.dumps([codes, following]))
    return reverse("recovery_codes")


@someone
def recovery_codes(request: HttpRequest, user: User) -> HttpResponse:
    """Shown once: whoever loads the page again goes on."""
    token = request.session.pop(CODES, "")
    if not token:
        return HttpResponseRedirect(reverse("own_security"))
    codes, following = json.loads(unsealed(token))
    context = {"title": "Your recovery codes" if codes else "It is set up", "codes": codes}
    return _page(request, "codes", {**context, "following": following})


def _secret_of(request: HttpRequest) -> str:
    """The same while the page is open, kept sealed: a session's row can be read in the database."""
    if token := request.session.get(SECRET):
        return unsealed(token)
    secret = new_app_secret()
    request.session[SECRET] = sealed(secret)
    return secret


def _picture(text: str) -> str:
    import segno

    picture: str = segno.make(text, error="m").svg_data_uri(scale=5, border=3, light="#ffffff")
    return picture


def _answer(request: HttpRequest) -> dict[str, Any]:
    try:
        found = json.loads(request.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    response = TemplateResponse(request, f"{FOLDER}/{name}.html", whole)
    response.headers["Cache-Control"] = "no-store"
    return response
