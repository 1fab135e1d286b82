"""Silences in the memory of this process, and what pages and answers ask about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from acteon_site.base import config_versions
from acteon_site.base.clock import db_now
from audit_app.models import AuditRecord
from audit_app.records.vocabulary import DISPATCH_OUTCOMES
from rules_app.engine.silences import Matcher, Silence, matchers_of, matches_all
from rules_app.models import Silence as SilenceRow

LOOKED_AT = 1_000  # actions that a preview looks back at
ACTIVE, PENDING, EXPIRED = STANDINGS = ("active", "pending", "expired")
NONE: tuple[Silence, ...] = ()
LATE = timedelta(minutes=5)  # no request waits so long for its decision
Held = Mapping[tuple[str, str], tuple[Silence, ...]]


def _load() -> Held:
    found: dict[tuple[str, str], tuple[Silence, ...]] = {}
    for row in SilenceRow.objects.filter(ends_at__gt=db_now()).order_by("id"):
        scope = row.namespace, row.tenant
        found[scope] = (*found.get(scope, NONE), silence_of(row))
    return found


_silences = config_versions.ConfigCache(config_versions.SILENCES, _load)


def silences_of(namespace: str, tenant: str, at: datetime) -> Sequence[Silence]:
    """Those of the tenant that may concern an action of that instant; half a second old at most.

    For an instant that is past, where something is tried or explained, as they stand in the database.
    """
    held = _silences.get()
    if timezone.now() - at > LATE:
        return [silence_of(row) for row in _rows_over(namespace, tenant, at)]
    return held.get((namespace, tenant), NONE)


def _rows_over(namespace: str, tenant: str, at: datetime) -> Iterable[SilenceRow]:
    rows = SilenceRow.objects.filter(namespace=namespace, tenant=tenant)
    return rows.filter(starts_at__lte=at, ends_at__gt=at)


def silence_of(row: SilenceRow) -> Silence:
    return Silence(
        id=str(row.pk),
        matchers=matchers_of(row.matchers),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        created_by=row.created_by,
        comment=row.comment,
    )


def standing_of(row: SilenceRow, now: datetime) -> str:
    """active, pending or expired at that moment."""
    if row.ends_at <= now:
        return EXPIRED
    return ACTIVE if row.starts_at <= now else PENDING


def matched_lately(namespace: str, tenant: str, matchers: Iterable[Matcher]) -> tuple[int, int]:
    """How many of the tenant's last actions, at most LOOKED_AT, have such labels; and how many those were."""
    recent = AuditRecord.objects.filter(namespace=namespace, tenant=tenant, outcome__in=DISPATCH_OUTCOMES)
    labels = list(recent.order_by("-dispatched_at", "-id").values_list("metadata", flat=True)[:LOOKED_AT])
    asked = tuple(matchers)
    return sum(1 for one in labels if matches_all(asked, _texts(one))), len(labels)


def _texts(metadata: object) -> dict[str, str]:
    found = metadata if isinstance(metadata, dict) else {}
    return {name: value for name, value in found.items() if isinstance(value, str)}
