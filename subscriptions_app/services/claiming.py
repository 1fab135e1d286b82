"""Takes what is due, of each subscription as much as it may have in flight, and of all of them in turn."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q

from acteon_site.base.clock import db_now
from acteon_site.base.ids import new_id
from acteon_site.base.statements import execute
from subscriptions_app.models import Delivery, Subscription

# Longer than any request takes, and than what may pass before it goes out (sending.SEND_SECONDS).
LEASE = timedelta(seconds=120)
# Index delivery_due: of each subscription it reads no more than it gives.
_DUE = """
    SELECT due.id FROM subscriptions_app_subscription AS one
    LEFT JOIN unnest(%s::uuid[], %s::int[]) AS busy(id, count) ON busy.id = one.id,
    LATERAL (
        SELECT id, due_at, row_number() OVER (ORDER BY due_at, id) AS place FROM subscriptions_app_delivery
        WHERE subscription_id = one.id AND due_at <= statement_timestamp() ORDER BY due_at, id
        LIMIT greatest(0, one.max_concurrent - coalesce(busy.count, 0))
    ) AS due
    WHERE one.enabled AND one.gone_at IS NULL AND coalesce(one.paused_until <= statement_timestamp(), true)
    ORDER BY due.place, due.due_at LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery to be sent, with all that this needs of the database."""

    delivery_id: UUID
    subscription_id: UUID
    token: UUID
    number: int
    url: str = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    timeout_seconds: int
    taken: float = field(default_factory=time.monotonic)

    @property
    def message_id(self) -> str:
        return f"msg_{self.delivery_id.hex}"


@transaction.atomic
def deliveries_claim(busy: Mapping[UUID, int], most: int) -> list[Parcel]:
    """At most so many; `busy` is what this process has in flight of each subscription."""
    ids = _due(busy, most)
    if not ids:
        return []
    now, token = db_now(), new_id()
    rows = Delivery.objects.select_for_update(skip_locked=True, of=("self",)).select_related("subscription")
    taken = list(rows.filter(pk__in=ids, due_at__lte=now).order_by("pk"))
    Delivery.objects.filter(pk__in=[row.pk for row in taken]).update(
        due_at=now + LEASE, lease_token=token, attempts_made=F("attempts_made") + 1, tries=F("tries") + 1
    )
    return [_parcel(row, token, now) for row in taken]


def _due(busy: Mapping[UUID, int], most: int) -> list[UUID]:
    if connection.vendor == "postgresql":
        return [row[0] for row in execute(_DUE, [list(busy), list(busy.values()), most])]
    now = db_now()
    on = Subscription.objects.filter(
        Q(paused_until=None) | Q(paused_until__lte=now), enabled=True, gone_at=None
    )
    found: list[tuple[int, datetime | None, UUID]] = []
    for one in on:
        room = max(0, one.max_concurrent - busy.get(one.pk, 0))
        rows = Delivery.objects.filter(subscription=one, due_at__lte=now).order_by("due_at", "pk")
        found += [(place, *row) for place, row in enumerate(rows.values_list("due_at", "pk")[:room])]
    return [pk for _, _, pk in sorted(found, key=itemgetter(0, 1))[:most]]


def _parcel(row: Delivery, token: UUID, now: datetime) -> Parcel:
    to = row.subscription
    return Parcel(
        row.pk,
        to.pk,
        token,
        row.attempts_made + 1,
        to.url,
        row.body.encode(),
        secrets_in_force(to, now),
        to.timeout_seconds,
    )


def secrets_in_force(subscription: Subscription, now: datetime) -> tuple[str, ...]:
    """The newest first."""
    stored = subscription.secrets
    until, previous = subscription.previous_until, stored.get("previous")
    return (stored["current"], previous) if previous and until and until > now else (stored["current"],)
