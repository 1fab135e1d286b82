"""What the pages of recurring actions show: the words of an expression, and lines of the history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import reverse

from acteon_site.base.clock import db_now
from audit_app.models import AuditRecord
from orders_app.models import RecurringAction, RecurringFiring
from orders_app.recurring.cron import Schedule, cron_problem, cron_text, cron_words, zone_problem
from orders_app.services.recurring.history import Upcoming, firings_of, going_on

SHOWN = 30  # firings on a page
FEW = 5  # next times beside the form
LABELS = {
    "executed": "success",
    "rerouted": "success",
    "chain started": "success",
    "running": "info",
    "scheduled": "info",
    "pending approval": "warning",
    "skipped": "warning",
    "throttled": "warning",
    "deduplicated": "warning",
    "suppressed": "danger",
    "quota exceeded": "danger",
    "circuit open": "danger",
    "failed": "danger",
    "error": "danger",
}


@dataclass(frozen=True, slots=True)
class FiringLine:
    firing: RecurringFiring
    outcome: str
    label: str
    is_going_on: bool
    url: str


def cron_preview(expression: str, zone: str, viewer: str) -> dict[str, Any]:
    if not expression.strip():
        return {}
    problem = cron_problem(expression) or zone_problem(zone)
    if problem:
        return {"problem": problem}
    text = cron_text(expression)
    found = islice(Schedule(text, zone).after(db_now()), FEW)
    times = [Upcoming(at, at.astimezone(ZoneInfo(zone)), at.astimezone(ZoneInfo(viewer))) for at in found]
    return {"words": cron_words(text), "zone": zone, "viewer_zone": viewer, "times": shown_times(times)}


def shown_times(found: Iterable[Upcoming]) -> list[tuple[str, str]]:
    """As texts: a template would bring every moment into its own zone."""
    return [(f"{one.local:%a %Y-%m-%d %H:%M}", f"{one.viewer:%a %Y-%m-%d %H:%M}") for one in found]


def firing_lines(request: HttpRequest, row: RecurringAction) -> list[FiringLine]:
    """The newest first, each with a way to what the trail says of it, for who may look there."""
    firings = list(firings_of(row.pk)[:SHOWN])
    going = going_on(firings)
    may_look = request.user.has_perm("audit_app.view_auditrecord")
    trail = reverse(f"admin:{AuditRecord._meta.app_label}_{AuditRecord._meta.model_name}_changelist")
    lines = []
    for one in firings:
        outcome = one.outcome.replace("_", " ")
        url = f"{trail}?q={one.action_id}" if may_look and one.action_id else ""
        lines.append(FiringLine(one, outcome, LABELS.get(outcome, "info"), one.pk in going, url))
    return lines
