"""Where a person is signed in: browsers and tokens, each of which can be ended at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from acteon_site.access.acts import act_note
from acteon_site.access.revocation import tell_revoked
from acteon_site.access.whence import agent_of, client_address
from acteon_site.base.compliance import locks_of
from acteon_site.models import LoginToken, PersonSession

SEEN_GRAIN = timedelta(minutes=1)
PROVED, SEEN, BEGAN = "second_step_at", "seen_at", "began_at"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One browser, or one client with a token."""

    pk: UUID
    kind: str
    address: str
    agent: str
    since: datetime
    seen: datetime | None
    is_this: bool = False


def session_begin(request: HttpRequest, user: User, *, how: str, two_steps: bool) -> None:
    """Sign the person in with this browser. `how` is the first step: password, or oidc."""
    login(request, user, backend=BACKEND)
    request.session.set_expiry(None)
    request.session[BEGAN] = timezone.now().timestamp()
    if two_steps:
        request.session[PROVED] = timezone.now().timestamp()
    request.session.save()
    _remember(request, user, how)
    words = f"by {how}{' and a second step' if two_steps else ''}"
    act_note(request, username=user.get_username(), what="signed in", words=words)


def is_over(session: Mapping[str, Any]) -> bool:
    """Whether the compliance mode wants its person to sign in anew. One that was begun before is over."""
    most = locks_of(settings.COMPLIANCE_MODE).session_seconds
    return bool(most) and timezone.now().timestamp() - session.get(BEGAN, 0) > most


def session_seen(request: HttpRequest, user: User) -> None:
    """Note that it is in use, once a minute; one that was begun elsewhere is remembered now."""
    now, key = timezone.now(), request.session.session_key
    before, at = request.session.get(SEEN, ("", 0))
    if before == key and now.timestamp() - at < SEEN_GRAIN.total_seconds():
        return
    request.session[SEEN] = [
        key,
        now.timestamp(),
    ]  # under a new key, as after another password, it is noted anew
    facts = {"last_seen_at": now, "address": client_address(request)[:64]}
    if not PersonSession.objects.filter(session_key=key).update(**facts):
        _remember(request, user, "")


def session_left(request: HttpRequest, username: str) -> None:
    """Its person signs out."""
    PersonSession.objects.filter(session_key=request.session.session_key).delete()
    act_note(request, username=username, what="signed out")


def _remember(request: HttpRequest, user: User, how: str) -> None:
    facts = {"user": user, "how": how, "address": client_address(request)[:64], "agent": agent_of(request)}
    key = request.session.session_key
    if key:
        PersonSession.objects.update_or_create(session_key=key, defaults=facts)


def signed_in_of(user: User, *, this: str | None = None) -> list[SignedIn]:
    """The newest first; browsers whose session Django has let go are left out, and forgotten."""
    browsers = [
        SignedIn(
            row.pk,
            "browser",
            row.address,
            row.agent,
            row.created_at,
            row.last_seen_at,
            row.session_key == this,
        )
        for row in _living(PersonSession.objects.filter(user=user))
    ]
    tokens = [
        SignedIn(row.pk, "token", row.address, row.agent, row.created_at, row.last_seen_at)
        for row in LoginToken.objects.filter(user=user, expires_at__gt=timezone.now())
    ]
    return sorted(browsers + tokens, key=lambda one: one.since, reverse=True)


def _living(rows: Iterable[PersonSession]) -> list[PersonSession]:
    store = _store()
    found = list(rows)
    gone = [row.pk for row in found if not store(None).exists(row.session_key)]
    PersonSession.objects.filter(pk__in=gone).delete()
    return [row for row in found if row.pk not in gone]


@transaction.atomic
def signed_in_end(*, user: User, pk: UUID) -> bool:
    """End one of the person's browsers or tokens; whether it was there. Streams that it opened end, too."""
    rows = list(PersonSession.objects.filter(user=user, pk=pk))
    _end(rows)
    deleted, _ = LoginToken.objects.filter(user=user, pk=pk).delete()
    transaction.on_commit(tell_revoked)
    return bool(rows or deleted)


@transaction.atomic
def signed_in_end_all(*, user: User, but: str | None = None) -> int:
    """End all of them but the browser with that session; how many there were."""
    rows = list(PersonSession.objects.filter(user=user).exclude(session_key=but or ""))
    _end(rows)
    deleted, _ = LoginToken.objects.filter(user=user).delete()
    transaction.on_commit(tell_revoked)
    return len(rows) + deleted


def _end(rows: Iterable[PersonSession]) -> None:
    store = _store()
    for row in rows:
        store(row.session_key).delete()
        row.delete()


def tidy_sessions(now: datetime, batch: int) -> int:
    """Browsers that were not seen for longer than a session lasts."""
    over = PersonSession.objects.filter(last_seen_at__lt=now - timedelta(seconds=settings.SESSION_COOKIE_AGE))
    ids = list(over.order_by("last_seen_at").values_list("pk", flat=True)[:batch])
    PersonSession.objects.filter(pk__in=ids).delete()
    return len(ids)


def _store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore
