"""Makes deliveries of the numbered events: one for each subscription that wants the event.

Events are read by their numbers, so that none is missed and a crash loses nothing: the deliveries and how far commit
together. Where nobody has subscribed, it asks the database nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import rfc3339
from acteon_site.base.retrying import retry_on_deadlock
from audit_app.models import Event
from audit_app.stream.frames import FIELDS, content_of, frame_of
from subscriptions_app.matching import Facts, order_key, wanted_of
from subscriptions_app.models import Delivery, FanOutHead, Subscription
from subscriptions_app.selectors import has_subscribers
from subscriptions_app.services.heads import heads_wake, subscriptions_lock

BATCH = 500
Row = Mapping[str, Any]


def events_fan_out(*, limit: int = BATCH) -> int:
    """Look at the next events; answers how many. 0 also while somebody else is at it."""
    if not has_subscribers() or not _something_waits():
        return 0
    return _batch(limit)


def _something_waits() -> bool:
    """Looked at before the lock: an idle gateway must not take SQLite's one write lock every second."""
    head = FanOutHead.objects.filter(pk=1).first() or FanOutHead()
    return Event.objects.filter(number__gt=_begin(head, _subscribers())).exists()


@retry_on_deadlock
@transaction.atomic
def _batch(limit: int) -> int:
    head = _locked_head()
    if head is None:
        return 0
    # From the rows and not from memory: whoever was told that he has subscribed must miss nothing from then on.
    subscribers = _subscribers()
    events = Event.objects.filter(number__gt=_begin(head, subscribers)).order_by("number")
    rows = list(events.values(*FIELDS)[:limit]) if subscribers else []
    if rows:
        # Asked again behind the events: who subscribed between the two looks would never get what came there.
        deliveries_add(deliveries_of(rows, _subscribers()), db_now())
        head.event_number = rows[-1]["number"]
        head.save(update_fields=["event_number"])
    return len(rows)


def _locked_head() -> FanOutHead | None:
    heads = FanOutHead.objects.select_for_update(skip_locked=True).filter(pk=1)
    return heads.first() or (FanOutHead.objects.get_or_create(pk=1) and heads.first())


def _subscribers() -> list[Subscription]:
    return list(Subscription.objects.filter(enabled=True).defer("secrets").order_by("pk"))


def _begin(head: FanOutHead, subscribers: Sequence[Subscription]) -> int:
    """Since the head was left events may have gone by that nobody had subscribed to."""
    first = min((one.after_number for one in subscribers), default=head.event_number)
    return max(head.event_number, first)


def deliveries_of(rows: Iterable[Row], subscribers: Sequence[Subscription]) -> list[Delivery]:
    """Those that these subscriptions want of these events, in the order of events. Not stored yet."""
    wanted = [(one, wanted_of(one)) for one in subscribers]
    made = []
    for row in rows:
        facts = facts_of(row)
        takers = [one for one, wants in wanted if row["number"] > one.after_number and wants.takes(facts)]
        body = body_of(row) if takers else ""
        made += [_delivery(row, one, body) for one in takers]
    return made


def facts_of(row: Row) -> Facts:
    frame = frame_of(row)
    scope = frame.namespace, frame.tenant
    return Facts(*scope, frame.event_type, frame.action_type, frame.provider, frame.outcome)


def body_of(row: Row) -> str:
    """What is sent. Stored as text, so that every repeat carries the same bytes."""
    content = {"type": row["type"], "timestamp": rfc3339(row["created_at"]), "data": content_of(row)}
    return json.dumps(content, separators=(",", ":"), cls=DjangoJSONEncoder)


def _delivery(row: Row, subscription: Subscription, body: str) -> Delivery:
    return Delivery(
        subscription_id=subscription.pk,
        event_number=row["number"],
        event_type=row["type"],
        event_at=row["created_at"],
        order_key=order_key(row),
        body=body,
    )


def deliveries_add(made: Collection[Delivery], now: datetime) -> int:
    """Store those that are not there yet, and have the first of each order due. Inside a transaction."""
    standing = subscriptions_lock({one.subscription_id for one in made})
    new = [one for one in made if one.subscription_id in standing]
    Delivery.objects.bulk_create(new, ignore_conflicts=True)
    heads_wake({(one.subscription_id, one.order_key) for one in new}, now)
    return len(new)
