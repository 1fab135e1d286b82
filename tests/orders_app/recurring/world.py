"""Recurring actions of the shop, and time that goes by: what is due is set back in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from acteon_site.base.source import SYSTEM_SOURCE
from orders_app.models import RecurringAction, RecurringFiring
from orders_app.services.recurring.edits import recurring_create
from orders_app.services.recurring.sweep import recurring_sweep
from tests.world import SCOPE

PATH = "/v1/recurring"
CALL = {**SCOPE, "provider": "email-service", "action_type": "send_digest", "payload": {"to": "ops"}}


def recurring(**changes: Any) -> dict[str, Any]:
    """A body of POST /v1/recurring: a mail, each minute."""
    return {**CALL, "cron_expression": "* * * * *", **changes}


def made(**changes: Any) -> RecurringAction:
    return recurring_create(spec=recurring(**changes), source=SYSTEM_SOURCE)


class Clock:
    """What the services of recurring actions take for the database's clock: it stands until it is set forward."""

    def __init__(self) -> None:
        self.now = datetime(2026, 12, 1, 12, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)

    @property
    def minute(self) -> datetime:
        return self.now.replace(second=0, microsecond=0)

    def back(self, minutes: int) -> datetime:
        return self.minute - timedelta(minutes=minutes)


def swept(row: RecurringAction) -> RecurringAction:
    """As the scheduler does: until nothing is due."""
    while recurring_sweep():
        pass
    row.refresh_from_db()
    return row


def outcomes(row: RecurringAction) -> list[str]:
    """The oldest occurrence first."""
    found = RecurringFiring.objects.filter(recurring_id=row.pk).order_by("occurrence")
    return [firing.outcome for firing in found]
