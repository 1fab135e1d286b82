"""Making, changing and removing subscriptions. What changes them takes the area's version first, then the rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import rfc3339
from acteon_site.base.errors import AppError, FieldProblem, conflict, invalid_field, invalid_fields, not_found
from acteon_site.base.source import Source
from audit_app.models import RelayHead
from chains_app.models import Provider
from subscriptions_app.models import Delivery, DeliveryAttempt, Subscription
from subscriptions_app.services.reaping import deliveries_held
from subscriptions_app.services.trail import audit_change
from subscriptions_app.spec import KEYS, Terms, new_secret, parse_subscription, secret_problem, spec_of
from subscriptions_app.states import Off

GRACE_SECONDS = 86_400
MOST_GRACE = 30 * 86_400
_UNHARMED = {
    "failing_since": None,
    "gone_at": None,
    "paused_until": None,
    "disabled_at": None,
    "disabled_reason": "",
}


@transaction.atomic
def subscription_create(
    *, spec: Mapping[str, Any], source: Source, secret: str | None = None
) -> Subscription:
    """It hears of what happens from now on. Raises 422 with every problem, 409 where the name is taken."""
    config_versions.touch(config_versions.SUBSCRIPTIONS)
    problem = secret_problem(secret) if secret is not None else None
    wrong = [FieldProblem("secret", problem)] if problem else []
    row = Subscription(after_number=events_so_far(), secrets={"current": secret or new_secret()})
    _put(row, _checked(spec, wrong))
    _save(row, source, "created")
    return row


@transaction.atomic
def subscription_update(
    *, subscription: Subscription, changes: Mapping[str, Any], source: Source
) -> Subscription:
    """Change what `changes` names; the rest, and its namespace and tenant, stays."""
    config_versions.touch(config_versions.SUBSCRIPTIONS)
    row = _locked(subscription)
    kept = {"namespace": row.namespace, "tenant": row.tenant}
    was = spec_of(row)
    terms = _checked(was | {name: changes[name] for name in KEYS if name in changes} | kept)
    if terms.url != row.url:
        heard_nothing_of(row)
    if terms.enabled != row.enabled:
        _switch(row, on=terms.enabled)
    _put(row, terms)
    changed = sorted(name for name, value in spec_of(row).items() if value != was[name])
    _save(row, source, "changed", fields=changed)
    return row


@transaction.atomic
def subscription_switch(*, subscription: Subscription, on: bool, source: Source) -> Subscription:
    """Once on, what was still to be sent is sent; what happened meanwhile is not, unless it is replayed."""
    config_versions.touch(config_versions.SUBSCRIPTIONS)
    row = _locked(subscription)
    if row.enabled != on:
        _switch(row, on=on)
        _save(row, source, "switched on" if on else "switched off")
    return row


@transaction.atomic
def subscription_delete(*, subscription: Subscription, source: Source) -> None:
    """With all its deliveries. Raises 409 while a legal hold keeps one of them."""
    config_versions.touch(config_versions.SUBSCRIPTIONS)
    row = _locked(subscription)
    if deliveries_held(row, db_now()).exists():
        what = "a legal or compliance hold keeps what this subscription was sent"
        raise conflict(f"{what}; switch it off, and delete it after the hold")
    audit_change(row, source, "deleted")
    deliveries = Delivery.objects.filter(subscription=row)
    # By one statement each: Django would read every row first.
    for rows in (DeliveryAttempt.objects.filter(delivery__in=deliveries), deliveries):
        rows._raw_delete(rows.db)
    row.delete()


@transaction.atomic
def secret_rotate(
    *,
    subscription: Subscription,
    source: Source,
    secret: str | None = None,
    grace_seconds: int = GRACE_SECONDS,
) -> Subscription:
    """A new secret, beside which the old one signs until the grace is over.

    Raises 422, and 409 while an older one still signs: a second click must not take away what receivers know.
    """
    if (
        isinstance(grace_seconds, bool)
        or not isinstance(grace_seconds, int)
        or not 0 <= grace_seconds <= MOST_GRACE
    ):
        raise invalid_field("grace_seconds", f"must be a whole number of seconds from 0 to {MOST_GRACE}")
    if secret is not None and (problem := secret_problem(secret)):
        raise invalid_field("secret", problem)
    config_versions.touch(config_versions.SUBSCRIPTIONS)
    row = _locked(subscription)
    if secret == row.secrets["current"]:
        raise invalid_field("secret", "is the one in force already")
    now = db_now()
    if grace_seconds and row.previous_until and row.previous_until > now:
        until = rfc3339(row.previous_until)
        raise conflict(f"its former secret signs until {until}; grace_seconds 0 ends all former ones at once")
    row.secrets = {"current": secret or new_secret(), "previous": row.secrets["current"]}
    row.previous_until = now + timedelta(seconds=grace_seconds)
    _save(row, source, "secret rotated", grace_seconds=grace_seconds)
    return row


def events_so_far() -> int:
    return RelayHead.objects.filter(pk=1).values_list("event_number", flat=True).first() or 0


def terms_problems(terms: Terms) -> list[FieldProblem]:
    """What the database says against it."""
    if terms.notify_provider and not Provider.objects.filter(name=terms.notify_provider).exists():
        return [FieldProblem("notify_provider", f"there is no provider named {terms.notify_provider}")]
    return []


def _checked(spec: Mapping[str, Any], wrong: list[FieldProblem] | None = None) -> Terms:
    terms, problems = parse_subscription({name: spec[name] for name in KEYS if name in spec})
    problems = [*problems, *(wrong or [])] or (terms_problems(terms) if terms else [])
    if terms is None or problems:
        raise invalid_fields(problems)
    return terms


def _locked(subscription: Subscription) -> Subscription:
    row = Subscription.objects.select_for_update(no_key=True).filter(pk=subscription.pk).first()
    if row is None:
        raise gone()
    return row


def gone() -> AppError:
    return not_found("there is no such subscription")


def _switch(row: Subscription, *, on: bool) -> None:
    for name, value in _UNHARMED.items():
        setattr(row, name, value)
    row.enabled = on
    if on:
        row.after_number = max(row.after_number, events_so_far())
    else:
        row.disabled_at, row.disabled_reason = timezone.now(), Off.BY_HAND


def heard_nothing_of(row: Subscription) -> None:
    """It has another address: how the former one did, and what that asked for, is nothing of this one's."""
    row.failing_since = row.gone_at = row.paused_until = None


def _put(row: Subscription, terms: Terms) -> None:
    for name, value in terms.columns().items():
        setattr(row, name, value)


def _save(row: Subscription, source: Source, change: str, **details: Any) -> None:
    row.edited_by, row.edited_at = source.caller_id, timezone.now()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise conflict(f"there is a subscription named {row.name} in {row.namespace}/{row.tenant}") from error
    audit_change(row, source, change, **details)
