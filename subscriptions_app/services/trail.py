"""Rows of the trail about subscriptions."""

from __future__ import annotations

from typing import Any

from acteon_site.base.source import Source
from audit_app.services.journal import Journal, Subject
from subscriptions_app.models import Subscription

KIND = "subscription"


def audit_change(row: Subscription, source: Source, change: str, **details: Any) -> None:
    """One thing that happened to a subscription, in the transaction of the change. No secret may stand in it."""
    journal = Journal(source)
    journal.audit(
        Subject(row.namespace, row.tenant, "", KIND, str(row.pk)),
        outcome="state_changed",
        verdict="state_machine",
        outcome_details={"subscription": row.name, "change": change, **details},
    )
    journal.write()
