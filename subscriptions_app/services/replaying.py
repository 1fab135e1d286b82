"""Sends again: one delivery, a span of time, all that failed; and a test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import rfc3339
from acteon_site.base.doorbell import ring_on_commit
from acteon_site.base.errors import conflict, not_found
from acteon_site.base.ids import new_id
from acteon_site.base.source import Source
from audit_app.models import Event
from audit_app.stream.frames import FIELDS
from subscriptions_app.matching import matches
from subscriptions_app.models import Delivery, Subscription
from subscriptions_app.services.fan_out import deliveries_add, deliveries_of
from subscriptions_app.services.heads import heads_wake, subscriptions_lock
from subscriptions_app.services.subscriptions import gone
from subscriptions_app.services.trail import audit_change
from subscriptions_app.states import ENDED, DeliveryStatus

SEND_TASK = "subscriptions_app.send"
TEST = "subscription_test"
# Deliveries and events of one call.
MOST = 2000


@dataclass(frozen=True, slots=True)
class Span:
    """Which are sent again: of events that happened from `begin` on and before `end`, of these types."""

    begin: datetime
    end: datetime
    event_types: tuple[str, ...] = ()
    only_failed: bool = False

    def takes(self, event_type: str) -> bool:
        return not self.event_types or any(matches(pattern, event_type) for pattern in self.event_types)


@dataclass(frozen=True, slots=True)
class Replayed:
    """`again` were sent before, `made` are of events that had no delivery. `next_from`: where more remain."""

    again: int
    made: int
    next_from: datetime | None


@transaction.atomic
def subscription_test(*, subscription: Subscription, source: Source) -> Delivery:
    """An event that says that it is a test, sent as any other. Raises 409 where it is switched off."""
    row = _on(subscription)
    now, key = db_now(), new_id()
    about = {"namespace": row.namespace, "tenant": row.tenant, "subscription_id": str(row.pk)}
    data = {"id": str(key), "timestamp": rfc3339(now), "type": TEST, **about}
    body = {"type": TEST, "timestamp": rfc3339(now), "data": data}
    delivery = Delivery.objects.create(
        id=key,
        subscription=row,
        event_type=TEST,
        event_at=now,
        order_key=f"test:{key}",
        body=json.dumps(body, separators=(",", ":")),
        due_at=now,
    )
    audit_change(row, source, "tested", delivery=str(key))
    ring_on_commit(SEND_TASK)
    return delivery


@transaction.atomic
def delivery_resend(*, delivery: Delivery, source: Source) -> Delivery:
    """With its own `webhook-id`. Raises 409 while it is still to be sent, and where its subscription is off."""
    subscription = _on(delivery.subscription)
    row = Delivery.objects.select_for_update(of=("self",)).filter(pk=delivery.pk).first()
    if row is None:
        raise not_found("there is no such delivery")
    if row.status == DeliveryStatus.PENDING:
        raise conflict("it is still to be sent; nothing needs to be done")
    _send_again([row.pk], db_now())
    audit_change(subscription, source, "resent", delivery=str(row.pk))
    ring_on_commit(SEND_TASK)
    row.refresh_from_db()
    return row


@transaction.atomic
def subscription_replay(*, subscription: Subscription, span: Span, source: Source) -> Replayed:
    """Send the deliveries of the span again, at most MOST, and make those that are missing of events still there.

    What is still to be sent is left as it is. Raises 409 where the subscription is off.
    """
    row = _on(subscription)
    now = db_now()
    ended, more_from = _ended_of(row, span)
    events, events_from = ([], None) if span.only_failed else _events_of(row, span)
    following = min(filter(None, (more_from, events_from)), default=None)
    if following and following > span.begin:  # the next call takes all from there on: this one none of it
        ended = [one for one in ended if one[2] < following]
        events = [event for event in events if event["created_at"] < following]
    begun = [pk for pk, event_type, _ in ended if span.takes(event_type)]
    _send_again(begun, now)  # first: what is made stands behind what was there before
    made = deliveries_add(_missing(row, events, span), now)
    audit_change(
        row,
        source,
        "replayed",
        **{"from": rfc3339(span.begin), "to": rfc3339(span.end), "only_failed": span.only_failed},
        deliveries=len(begun) + made,
    )
    ring_on_commit(SEND_TASK)
    return Replayed(len(begun), made, following)


def _on(subscription: Subscription) -> Subscription:
    """The row, locked as `heads_wake` wants it."""
    row = subscriptions_lock([subscription.pk]).get(subscription.pk)
    if row is None:
        raise gone()
    if not row.enabled:
        raise conflict("the subscription is switched off; enable it first")
    return row


def _ended_of(row: Subscription, span: Span) -> tuple[list[tuple[UUID, str, datetime]], datetime | None]:
    """Ids, types and times, and from when on there are more."""
    rows: QuerySet[Delivery] = Delivery.objects.filter(
        subscription=row, event_at__gte=span.begin, event_at__lt=span.end, event_number__isnull=False
    )
    rows = rows.filter(status__in=[DeliveryStatus.FAILED] if span.only_failed else ENDED)
    found = list(rows.order_by("event_at", "pk").values_list("pk", "event_type", "event_at")[: MOST + 1])
    return _cut(found, 2)


def _events_of(row: Subscription, span: Span) -> tuple[list[Mapping[str, Any]], datetime | None]:
    """Also those that came while it was off or did not want them yet. The stream keeps them for a while."""
    events = Event.objects.filter(
        namespace=row.namespace,
        tenant=row.tenant,
        created_at__gte=span.begin,
        created_at__lt=span.end,
        number__isnull=False,
    )
    return _cut(list(events.order_by("created_at", "id").values(*FIELDS)[: MOST + 1]), "created_at")


def _missing(row: Subscription, events: Sequence[Mapping[str, Any]], span: Span) -> list[Delivery]:
    numbers = [event["number"] for event in events]
    there = Delivery.objects.filter(subscription=row, event_number__in=numbers)
    known = set(there.values_list("event_number", flat=True))
    row.after_number = 0  # of this object alone: what came before it subscribed may be asked for
    wanted = [event for event in events if event["number"] not in known and span.takes(event["type"])]
    return deliveries_of(wanted, [row])


def _cut(found: list[Any], at: int | str) -> tuple[list[Any], datetime | None]:
    """The first MOST, and the moment of the next, which belongs to the next call with all of its moment."""
    if len(found) <= MOST:
        return found, None
    following: datetime = found[MOST][at]
    kept = [one for one in found[:MOST] if one[at] < following]
    return (kept, following) if kept else (found[:MOST], following)


def _send_again(ids: Sequence[UUID], now: datetime) -> None:
    rows = Delivery.objects.filter(pk__in=ids, status__in=ENDED)
    lines = set(rows.values_list("subscription_id", "order_key"))
    rows.update(status=DeliveryStatus.PENDING, ended_at=None, due_at=None, lease_token=None, tries=0)
    heads_wake(lines, now)
