"""What expired because nobody decided in time, and what it was worth: by day, rule and shop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from acteon_site.admin.scoped import narrowed, reader_of
from acteon_site.base.principals import Principal
from acteon_site.base.replica import read_whole
from orders_app.models import Hold
from orders_app.states import HoldKind, HoldStatus
from orders_app.worth import worth_shown

if TYPE_CHECKING:
    from orders_app.admin.approvals import ApprovalAdmin

DAYS = {"1": "24 hours", "7": "7 days", "30": "30 days", "90": "90 days"}
USUAL = "7"
GROUPS = ("day", "rule", "shop")


@dataclass(slots=True)
class Total:
    """`unknown` of them have no amount, or a hidden one."""

    count: int = 0
    unknown: int = 0
    worth: dict[str, int] = field(default_factory=dict)

    def add(self, row: dict[str, Any]) -> None:
        self.count += row["count"]
        self.unknown += row["unknown"]
        if row["sum"]:
            self.worth[row["currency"]] = self.worth.get(row["currency"], 0) + int(row["sum"])

    @property
    def text(self) -> str:
        known = " + ".join(worth_shown(worth, code) for code, worth in sorted(self.worth.items()))
        unknown = f"{self.unknown} of unknown worth" if self.unknown else ""
        return ", ".join(text for text in (known, unknown) if text)


def expired_page(request: HttpRequest, page: ApprovalAdmin) -> HttpResponse:
    if not page.has_view_permission(request):
        raise PermissionDenied
    days = request.GET.get("days", USUAL)
    days = days if days in DAYS else USUAL
    frame = {**page.admin_site.each_context(request), "opts": page.opts, "title": "Expired approvals"}
    shown = {
        "days": days,
        "choices": DAYS.items(),
        "list_url": f"{reverse('admin:orders_app_approval_changelist')}?state=expired",
    }
    figures = read_whole(lambda: _figures(int(days), reader_of(request)))
    return TemplateResponse(request, "admin/orders_app/approval_expired.html", {**frame, **shown, **figures})


def _figures(days: int, reader: Principal) -> dict[str, Any]:
    rows = _rows(days, reader)
    total = Total()
    groups: dict[str, dict[str, Total]] = {name: {} for name in GROUPS}
    for row in rows:
        total.add(row)
        for name in GROUPS:
            groups[name].setdefault(row[name], Total()).add(row)
    tables = [(name, _sorted(name, groups[name])) for name in GROUPS]
    return {"total": total, "tables": tables}


def _sorted(name: str, group: dict[str, Total]) -> list[tuple[str, Total]]:
    if name == "day":
        return sorted(group.items(), reverse=True)
    return sorted(group.items(), key=lambda pair: (-pair[1].count, pair[0]))


def _rows(days: int, reader: Principal) -> Iterable[dict[str, Any]]:
    """By the index of kind, status and time: as many rows are read as have expired in that time."""
    now = timezone.now()
    expired = Hold.objects.filter(
        kind=HoldKind.APPROVAL,
        status=HoldStatus.EXPIRED,
        due_at__gt=now - timedelta(days=days),
        due_at__lte=now,
    )
    grouped = (
        narrowed(expired, reader)
        .annotate(on=TruncDate("due_at"))
        .values("on", "rule", "tenant", "namespace", "currency")
    )
    counted = grouped.annotate(
        count=Count("pk"),
        unknown=Count("pk", filter=Q(worth__lt=0)),
        sum=Sum("worth", filter=Q(worth__gte=0)),
    )
    for row in counted:
        yield {**row, "day": f"{row['on']:%Y-%m-%d}", "shop": f"{row['tenant']} / {row['namespace']}"}
