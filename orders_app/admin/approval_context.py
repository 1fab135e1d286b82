"""What stands beside an approval: how risky it is and why, the customer's and the shop's past, whose work it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from acteon_site.admin.scoped import person_reaches
from acteon_site.base.clock_text import ago
from acteon_site.base.principals import Role
from orders_app.admin.approval_list import viewer_of
from orders_app.admin.approval_live import taken_by
from orders_app.admin.payloads import amount_of
from orders_app.models import Hold
from orders_app.related import RelatedOrder, related_orders, shops_past
from orders_app.services.approval_work import approvers
from orders_app.worth import worth_shown

MOST_LINES = 12
MOST_PEOPLE = 200
TIE_WORDS = {"customer": "customer", "email": "e-mail", "card": "card", "address": "address"}
OUTCOME_WORDS = {
    "Suppressed": "turned away",
    "QuotaExceeded": "over quota",
    "Failed": "failed",
    "PendingApproval": "held",
}
SNOOZES = {"15": "15 minutes", "60": "1 hour", "240": "4 hours", "tomorrow": "Until tomorrow, 08:00 UTC"}
HIGH, SOME = 50, 20


@dataclass(frozen=True, slots=True)
class Line:
    """An earlier order. `bad` is one that was refused or given back."""

    name: str
    url: str
    when: str
    amount: str
    became: str
    ties: str
    bad: bool


def risk_words(points: int) -> tuple[str, str]:
    """In words, and the colour of its label."""
    if points < 0:
        return "not assessed yet", ""
    level, colour = (
        ("high", "danger")
        if points >= HIGH
        else ("some", "warning")
        if points >= SOME
        else ("low", "success")
    )
    return f"{level} ({points})", colour


def past_context(request: HttpRequest, hold: Hold) -> dict[str, Any]:
    """Only for who may see orders."""
    if not request.user.has_perm("orders_app.view_order"):
        return {}
    found = related_orders(hold)
    own = [one for one in found if one.past.is_the_customers]
    shop = shops_past(hold)
    return {
        "recent": [_line(one) for one in found if one.is_recent][:MOST_LINES],
        "earlier": [_line(one) for one in own if not one.is_recent][:MOST_LINES],
        "customer": _summary(own),
        "shop": shop,
        "shop_statuses": ", ".join(f"{count} {status}" for status, count in sorted(shop.statuses.items())),
    }


def _summary(own: list[RelatedOrder]) -> dict[str, int]:
    return {
        "orders": len(own),
        "refused": sum(one.past.is_refused for one in own),
        "refunded": sum(one.refunded for one in own),
    }


def _line(one: RelatedOrder) -> Line:
    past = one.past
    became = past.status or OUTCOME_WORDS.get(past.outcome, past.outcome.lower())
    url = reverse("admin:orders_app_order_change", args=[one.order_id]) if one.order_id else ""
    return Line(
        name=one.name,
        url=url,
        when=ago(past.at),
        amount=worth_shown(past.worth, past.currency),
        became=f"{became}, undone" if one.refunded else became,
        ties="same " + ", ".join(TIE_WORDS[kind] for kind in past.kinds),
        bad=past.is_refused or one.refunded or past.status == "failed",
    )


def taken_context(request: HttpRequest) -> dict[str, Any]:
    """The viewer's decisions that can still be undone."""
    rows = (
        taken_by(viewer_of(request, Role.OPERATOR))
        .select_related("action", "order")
        .defer("outcome", "context")
    )
    return {"taken": [_taken(hold) for hold in rows]}


def _taken(hold: Hold) -> dict[str, Any]:
    seconds = (hold.next_run_at - timezone.now()).total_seconds() if hold.next_run_at else 0
    return {
        "pk": hold.pk,
        "name": hold.order_name,
        "amount": amount_of(hold),
        "words": "Approved" if hold.taken == "approve" else "Rejected",
        "left": max(0, round(seconds)),
        "url": reverse("admin:orders_app_approval_undo", args=[hold.pk]),
        "page": reverse("admin:orders_app_approval_change", args=[hold.pk]),
    }


def approvers_of(hold: Hold) -> list[str]:
    """The usernames of those who may decide this one."""
    reaching = (person.username for person in approvers() if person_reaches(person, Role.OPERATOR, hold))
    return list(islice(reaching, MOST_PEOPLE))


def work_context(hold: Hold, viewer: str) -> dict[str, Any]:
    """Whose it is, and to whom and until when it can be passed on."""
    people = approvers_of(hold)
    now = timezone.now()
    return {
        "people": [person for person in people if person != hold.assigned_to],
        "is_mine": hold.assigned_to == viewer,
        "may_be_mine": viewer in people,
        "is_snoozed": hold.snoozed_until is not None and hold.snoozed_until > now,
        "snoozes": _choices(hold, now),
    }


def _choices(hold: Hold, now: datetime) -> Iterable[tuple[str, str]]:
    return [(name, words) for name, words in SNOOZES.items() if snooze_until(name, now) < hold.due_at]


def snooze_until(name: str, now: datetime) -> datetime:
    """Raises KeyError for what is no choice."""
    if name == "tomorrow":
        return (now + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    return now + timedelta(minutes={"15": 15, "60": 60, "240": 240}[name])
