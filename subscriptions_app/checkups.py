"""What `manage.py doctor` looks at of subscriptions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from acteon_site.base.clock import db_now
from acteon_site.base.findings import Checkup, Finding, by_age, duration, fail, ok, warn
from subscriptions_app.metrics import events_behind, oldest_due_seconds
from subscriptions_app.selectors import failing, switched_off
from subscriptions_app.services.heads import stuck

OVERDUE = (60.0, 600.0)  # seconds
MANY_BEHIND = 5000
SHOWN = 20
A_WHILE = timedelta(hours=1)


def sending() -> Iterator[Finding]:
    todo = "Look at the workers first; a subscriber that answers slowly has its own deliveries wait."
    yield by_age("deliveries that are due", oldest_due_seconds(), OVERDUE, todo)
    behind = events_behind()
    if behind > MANY_BEHIND:
        yield fail(f"{behind} events have no deliveries yet", "Look at the workers: their sweep makes them.")
    if stuck().exists():
        yield fail("deliveries wait behind nothing", "Replay their time; and report it, this must not be.")


def subscribers() -> Iterator[Finding]:
    now, found = db_now(), False
    for one in switched_off().order_by("namespace", "tenant", "name")[:SHOWN]:
        found = True
        yield warn(
            f"subscription {one} was switched off: {one.disabled_reason}",
            "Mend its address, enable it, and replay what it missed.",
        )
    for one in failing().filter(failing_since__lt=now - A_WHILE).order_by("failing_since")[:SHOWN]:
        found = True
        since = duration((now - one.failing_since).total_seconds()) if one.failing_since else ""
        yield warn(f"subscription {one} takes nothing for {since}", "Its deliveries say what it answers.")
    if not found:
        yield ok("every subscription takes what it is sent")


CHECKUPS = (Checkup("deliveries", sending), Checkup("subscriptions", subscribers))
