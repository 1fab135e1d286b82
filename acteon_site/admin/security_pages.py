"""How a person signs in, and where he is signed in: his own page, and an administrator's about somebody else."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from acteon_site.access.acts import act_note
from acteon_site.access.second_steps import (
    REAL,
    recovery_codes_left,
    recovery_codes_make,
    second_step_remove,
    second_steps_clear,
    standing_of,
)
from acteon_site.access.sessions import signed_in_end, signed_in_end_all, signed_in_of
from acteon_site.admin.second_pages import codes_page, is_fresh, prove_again
from acteon_site.base.ids import as_uuid
from acteon_site.models import SecondStep

TEMPLATE = "admin/acteon_site/people/security.html"
Do = Callable[[HttpRequest, User], str | HttpResponse]


def own_security(request: HttpRequest) -> HttpResponse:
    """POST does what `do` names. Steps and codes are changed only by who has lately proved the second step."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - admin_view lets in nobody else
    page = reverse("own_security")
    if request.method != "POST":
        return _page(request, user, page, is_own=True)
    do = request.POST.get("do", "")
    if do in ("remove", "codes") and not is_fresh(request):
        return prove_again(request, page)
    return _done(request, _OWN.get(do), user, page)


def security_of(request: HttpRequest, user: User, may_change: bool) -> HttpResponse:
    """The same of another person, for who administers people: sessions ended, a lost second step taken off."""
    if user.pk == request.user.pk:  # one's own is changed where the second step is asked for again
        return HttpResponseRedirect(reverse("own_security"))
    page = reverse("admin:auth_user_security", args=[user.pk])
    if request.method != "POST":
        return _page(request, user, page, is_own=False, may_change=may_change)
    if not may_change:
        raise PermissionDenied
    if request.POST.get("do") == "take_off" and _has_step(request) and not is_fresh(request):
        return prove_again(request, page)
    return _done(request, _OTHERS.get(request.POST.get("do", "")), user, page)


def _has_step(request: HttpRequest) -> bool:
    assert isinstance(request.user, User)  # noqa: S101 - as above
    return standing_of(request.user).has


def _done(request: HttpRequest, do: Do | None, user: User, page: str) -> HttpResponse:
    if do is None:
        return HttpResponseRedirect(page)
    with transaction.atomic():
        told = do(request, user)
    if isinstance(told, HttpResponse):
        return told
    messages.success(request, told)
    return HttpResponseRedirect(page)


def _page(
    request: HttpRequest, user: User, page: str, *, is_own: bool, may_change: bool = True
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Your sign-in" if is_own else f"Sign-in of {user.get_username()}",
        "person": user,
        "is_own": is_own,
        "may_change": may_change,
        "page": page,
        "steps": SecondStep.objects.filter(user=user, kind__in=REAL).order_by("created_at"),
        "codes_left": recovery_codes_left(user),
        "standing": standing_of(user),
        "signed_in": signed_in_of(user, this=request.session.session_key),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _note(request: HttpRequest, user: User, what: str, words: str = "") -> None:
    act_note(request, username=request.user.get_username(), what=what, row=user, words=words)


def _end_one(request: HttpRequest, user: User) -> str:
    pk = as_uuid(request.POST.get("which", ""))
    if pk is None or not signed_in_end(user=user, pk=pk):
        return "It had ended already."
    _note(request, user, "ended a sign-in", f"of {user.get_username()}")
    return "Ended: it opens nothing any more."


def _end_all(request: HttpRequest, user: User) -> str:
    own = request.session.session_key if user.pk == request.user.pk else None
    count = signed_in_end_all(user=user, but=own)
    _note(request, user, "ended all sign-ins", f"{count} of {user.get_username()}")
    return f"{count} ended."


def _remove(request: HttpRequest, user: User) -> str:
    step = second_step_remove(user=user, pk=as_uuid(request.POST.get("which", "")))
    if step is None:
        return "It was gone already."
    _note(request, user, "removed a second step", step.name)
    return f"{step.name} is removed."


def _codes(request: HttpRequest, user: User) -> HttpResponse | str:
    if not standing_of(user).has:
        return "Set up a second step first."
    _note(request, user, "made new recovery codes")
    codes = recovery_codes_make(user=user)
    return HttpResponseRedirect(codes_page(request, codes, reverse("own_security")))


def _take_off(request: HttpRequest, user: User) -> str:
    """Of who has lost the phone: he signs in with the password, and sets up another where his group asks for it."""
    second_steps_clear(user=user)
    ended = signed_in_end_all(user=user)
    _note(request, user, "took off a second step", f"of {user.get_username()}; {ended} sign-ins ended")
    return f"{user.get_username()} has no second step any more, and is signed in nowhere."


_OTHERS: dict[str, Do] = {"end": _end_one, "end_all": _end_all, "take_off": _take_off}
_OWN: dict[str, Do] = {"end": _end_one, "end_all": _end_all, "remove": _remove, "codes": _codes}
