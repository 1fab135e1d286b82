"""Switches subscriptions off whose address takes nothing any more, and tells of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import rfc3339, rfc3339_or_none
from acteon_site.base.retrying import retry_on_deadlock
from acteon_site.base.source import SYSTEM_SOURCE
from chains_app.selectors import providers
from chains_app.services.runs import Owner, run_of_notice, runs_insert
from subscriptions_app.models import Subscription
from subscriptions_app.services.recording import switch_off_before
from subscriptions_app.services.trail import audit_change
from subscriptions_app.states import Off

NOTICE = "subscription_disabled"
WORDS = {
    Off.FAILING: "it has taken nothing for too long",
    Off.GONE: "it answered that it is gone (410)",
}


def subscriptions_switch_off(ids: Collection[UUID] = ()) -> int:
    """Of these, or of all, those that must be; answers how many."""
    found = Subscription.objects.filter(_must_be_off(db_now()), enabled=True)
    wanted = found.filter(pk__in=ids) if ids else found
    keys = list(wanted.values_list("pk", flat=True))
    return _switch_off(keys) if keys else 0


def _must_be_off(now: datetime) -> Q:
    return Q(gone_at__isnull=False) | Q(failing_since__lte=switch_off_before(now))


@retry_on_deadlock
@transaction.atomic
def _switch_off(keys: Collection[UUID]) -> int:
    config_versions.touch(config_versions.SUBSCRIPTIONS)  # before any row, as every change does
    now = db_now()
    rows = Subscription.objects.select_for_update(no_key=True).filter(
        _must_be_off(now), pk__in=keys, enabled=True
    )
    for row in (found := list(rows.order_by("pk"))):
        row.enabled, row.disabled_at = False, now
        row.disabled_reason = Off.GONE if row.gone_at else Off.FAILING
        row.save(update_fields=["enabled", "disabled_at", "disabled_reason", "updated_at"])
        since = rfc3339_or_none(row.failing_since)
        audit_change(row, SYSTEM_SOURCE, "switched off", reason=row.disabled_reason, failing_since=since)
        _tell(row, now)
    return len(found)


def _tell(row: Subscription, now: datetime) -> None:
    """A notice by the provider that the subscription names, where it is still there. Rung after the commit."""
    if row.notify_provider not in providers():
        return
    why = WORDS[Off(row.disabled_reason)]
    payload = {
        "text": f"The subscription {row.name} of {row.tenant} / {row.namespace} was switched off: {why}.",
        "subscription_id": str(row.pk),
        "subscription": row.name,
        "url": row.url,
        "reason": row.disabled_reason,
        "disabled_at": rfc3339(now),
    }
    origin = {
        "namespace": row.namespace,
        "tenant": row.tenant,
        "provider": row.notify_provider,
        "action_type": NOTICE,
        "id": str(row.pk),
        "payload": payload,
        "metadata": {},
    }
    runs_insert([run_of_notice(row.notify_provider, origin=origin, owner=Owner("", None), now=now)])
