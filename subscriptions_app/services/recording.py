"""What deliveries came to, in sets: the rows, an attempt each, whose turn it is next, and how the subscriber does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.db import transaction

from acteon_site.base.clock import db_now
from acteon_site.base.retrying import retry_on_deadlock
from audit_app.redaction import Scrubber
from audit_app.selectors import current_redactor
from subscriptions_app.models import Delivery, DeliveryAttempt, Subscription
from subscriptions_app.schedule import seconds_to_wait
from subscriptions_app.services.heads import heads_wake, subscriptions_lock
from subscriptions_app.services.sending import GONE, Sent
from subscriptions_app.states import DeliveryStatus

CHANGED = (
    "status",
    "due_at",
    "lease_token",
    "tries",
    "attempts_made",
    "last_status",
    "last_error",
    "ended_at",
)
# Of what is taken these stay as they were.
COUNTED = ("tries", "attempts_made")
SHOWN = 300
# Longer than a secret is: so much of what was cut while it was read may be one, of which nobody knows the rest.
DOUBTFUL = 1024
# How exactly it is told when a subscriber last took something: else each success would write its row.
EXACT = timedelta(minutes=1)


@retry_on_deadlock
@transaction.atomic
def results_record(results: Collection[Sent]) -> set[UUID]:
    """Answers which subscriptions may have to be switched off. A result whose lease was lost changes nothing."""
    standing = subscriptions_lock({sent.parcel.subscription_id for sent in results})
    now, scrubber = db_now(), current_redactor().scrubber()
    held = _held(results)
    known = [sent for sent in results if sent.parcel.delivery_id in held]
    for sent in known:
        _put(held[sent.parcel.delivery_id], sent, now, scrubber, to_former=_to_former(sent, standing))
    _store(held.values())
    sent_out = [sent for sent in known if not sent.unsent]
    DeliveryAttempt.objects.bulk_create(_attempt(sent, scrubber) for sent in sent_out)
    heads_wake({(row.subscription_id, row.order_key) for row in held.values() if row.ended_at}, now)
    return _note_health(standing, sent_out, now)


def _held(results: Collection[Sent]) -> dict[UUID, Delivery]:
    tokens = {sent.parcel.delivery_id: sent.parcel.token for sent in results}
    rows = Delivery.objects.select_for_update(of=("self",)).filter(pk__in=tokens).order_by("pk").defer("body")
    return {row.pk: row for row in rows if row.lease_token == tokens[row.pk]}


def _store(rows: Collection[Delivery]) -> None:
    """What was taken alike, which is most of it, by one statement: to say each row's values costs ten times as much."""
    taken: defaultdict[int | None, list[Delivery]] = defaultdict(list)
    others = []
    for row in rows:
        if row.status == DeliveryStatus.DELIVERED:
            taken[row.last_status].append(row)
        else:
            others.append(row)
    for alike in taken.values():
        same = {name: getattr(alike[0], name) for name in CHANGED if name not in COUNTED}
        Delivery.objects.filter(pk__in=[row.pk for row in alike]).update(**same)
    Delivery.objects.bulk_update(others, CHANGED)


def _to_former(sent: Sent, standing: Mapping[UUID, Subscription]) -> bool:
    """Whether it went to an address that its subscription has left since: it tells nothing of the present one."""
    return standing[sent.parcel.subscription_id].url != sent.parcel.url


def _put(row: Delivery, sent: Sent, now: datetime, scrubber: Scrubber, *, to_former: bool) -> None:
    row.lease_token = None
    if sent.unsent:
        row.tries, row.attempts_made, row.due_at = row.tries - 1, row.attempts_made - 1, now
        return
    row.last_status, row.last_error = sent.status, _told(sent.error, sent, scrubber)[:SHOWN]
    if to_former and not sent.success:
        row.tries, row.due_at = row.tries - 1, now
        return
    wait = None if sent.success else _wait(row, sent)
    if wait is not None:
        row.due_at = now + timedelta(seconds=wait)
        return
    row.due_at, row.ended_at = None, now
    row.status = DeliveryStatus.DELIVERED if sent.success else DeliveryStatus.FAILED


def _wait(row: Delivery, sent: Sent) -> float | None:
    if sent.status == GONE:
        return None
    return seconds_to_wait(row.tries, sent.pause, settings.SUBSCRIPTION_RETRY_SECONDS)


def _attempt(sent: Sent, scrubber: Scrubber) -> DeliveryAttempt:
    return DeliveryAttempt(
        delivery_id=sent.parcel.delivery_id,
        number=sent.parcel.number,
        started_at=sent.started_at,
        duration_ms=sent.duration_ms,
        success=sent.success,
        status=sent.status,
        error=_told(sent.error, sent, scrubber)[:SHOWN],
        answer=_beginning(sent, scrubber),
    )


def _beginning(sent: Sent, scrubber: Scrubber) -> str:
    """Of the answer. Cut only now: blanks and secrets that became shorter bring its end forward."""
    if not sent.cut:
        return _told(sent.answer, sent, scrubber)[:SHOWN]
    # Closed, or a redacted value that is longer than what was looked at would be none.
    return _told(f'{sent.answer}"', sent, scrubber)[:-DOUBTFUL][:SHOWN]


def _told(text: str, sent: Sent, scrubber: Scrubber) -> str:
    """Without secrets, as one line of what can be read."""
    for secret in sent.parcel.secrets:
        for spelled in _spellings(secret):
            text = text.replace(spelled, "[secret]")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return scrubber.text(line)


def _spellings(secret: str) -> list[str]:
    """As it is, in JSON of those who escape a slash, and in an address; each with its prefix and without."""
    forms = (secret, secret.replace("/", "\\/"), quote(secret, safe=""))
    return [spelled for form in forms for spelled in (form, form.partition("_")[2])]


def _note_health(standing: Mapping[UUID, Subscription], results: Sequence[Sent], now: datetime) -> set[UUID]:
    by_subscription = attrgetter("parcel.subscription_id")
    doubtful = set()
    for key, group in groupby(sorted(results, key=by_subscription), by_subscription):
        of_present = [sent for sent in group if not _to_former(sent, standing)]
        if of_present and _changed(standing[key], of_present, now):
            doubtful.add(key)
    return doubtful


def _changed(row: Subscription, results: Sequence[Sent], now: datetime) -> bool:
    """Whether it may have to be switched off. One success among failures tells that it is alive."""
    before = (row.failing_since, row.last_success_at, row.gone_at, row.paused_until)
    if any(sent.success for sent in results):
        row.failing_since = None
        stale = row.last_success_at is None or now - row.last_success_at > EXACT
        row.last_success_at = now if stale else row.last_success_at
    else:
        row.failing_since = row.failing_since or now
    if any(sent.status == GONE for sent in results):
        row.gone_at = now
    if pause := max((sent.pause or 0 for sent in results), default=0):
        until = now + timedelta(seconds=pause)
        row.paused_until = max(until, row.paused_until or until)  # a shorter one ends no longer one
    if before != (row.failing_since, row.last_success_at, row.gone_at, row.paused_until):
        row.save(update_fields=["failing_since", "last_success_at", "gone_at", "paused_until"])
    return row.gone_at is not None or (
        row.failing_since is not None and row.failing_since <= switch_off_before(now)
    )


def switch_off_before(now: datetime) -> datetime:
    """Who has taken nothing since then is switched off."""
    return now - timedelta(seconds=settings.SUBSCRIPTION_DISABLE_AFTER_SECONDS)
