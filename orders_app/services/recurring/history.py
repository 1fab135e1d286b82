"""What recurring actions have done and will do, for whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, QuerySet, Subquery

from orders_app.models import RecurringAction, RecurringFiring
from orders_app.services.recurring.edits import schedule_of_row
from orders_app.services.recurring.overlap import under_way

NEXT = 10


@dataclass(frozen=True, slots=True)
class Upcoming:
    """An occurrence, as the clock shows it where the expression counts and where the viewer is."""

    at: datetime
    local: datetime
    viewer: datetime


def upcoming(row: RecurringAction, now: datetime, viewer: str = "UTC", count: int = NEXT) -> list[Upcoming]:
    """The next ones, as many as there will be; of a paused one those it would have."""
    most = count if row.remaining is None else min(count, row.remaining)
    found = islice(schedule_of_row(row).after(now), most)
    zone, seen_in = ZoneInfo(row.timezone), ZoneInfo(viewer)
    return [Upcoming(at, at.astimezone(zone), at.astimezone(seen_in)) for at in found]


def with_last_outcome(rows: QuerySet[RecurringAction]) -> QuerySet[RecurringAction]:
    """Each with `last_outcome`, that of its newest occurrence."""
    firings = RecurringFiring.objects.filter(recurring_id=OuterRef("pk")).order_by("-occurrence")
    return rows.annotate(last_outcome=Subquery(firings.values("outcome")[:1]))


def firings_of(recurring_id: UUID) -> QuerySet[RecurringFiring]:
    """The newest occurrences first."""
    return RecurringFiring.objects.filter(recurring_id=recurring_id).order_by("-occurrence")


def going_on(firings: Sequence[RecurringFiring]) -> set[UUID]:
    """The firings of these of which something is under way."""
    alive = under_way([one.action_row for one in firings if one.action_row]).actions
    return {one.pk for one in firings if one.action_row in alive}
