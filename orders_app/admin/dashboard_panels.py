"""What the dashboard shows of approvals: what waits now, and how those of the span were decided."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone

from acteon_site.admin.home import bounded_count
from acteon_site.base.clock_text import span_text
from audit_app.analytics.asking import Question
from audit_app.analytics.durations import Durations
from audit_app.analytics.panels import Compared, Figures, Panel, View, milliseconds
from audit_app.records.rollups import RECORDS, WAITS
from orders_app.models import Hold
from orders_app.states import HoldKind, HoldStatus

DECISIONS = {
    "approval_approved": "approved",
    "approval_rejected": "rejected or cancelled",
    "approval_expired": "expired: nobody decided in time",
}


def approvals(view: View) -> Figures:
    pending = Hold.objects.filter(kind=HoldKind.APPROVAL, status=HoldStatus.PENDING, **view.lookups)
    oldest = pending.order_by("created_at").values_list("created_at", flat=True).first()
    now, before = view.both(RECORDS, ("outcome",), outcome=set(DECISIONS))
    waits = Durations()
    question = Question(WAITS, view.span, view.filters, ("duration_class",))
    for (one,), (count, micros) in view.sums.times(question).items():
        waits.add(one, count, micros)
    return {
        "pending": bounded_count(pending),
        "pending_url": f"{reverse('admin:orders_app_approval_changelist')}?status=pending",
        "oldest": span_text((timezone.now() - oldest).total_seconds()) if oldest else "",
        "decisions": [
            (
                words,
                Compared(now.get((outcome,), (0, 0))[0], before.get((outcome,), (0, 0))[0]),
                view.rows_url(outcome=outcome),
            )
            for outcome, words in DECISIONS.items()
        ],
        "waits": [(share, milliseconds(value)) for share, value in waits.percentiles_ms().items()],
        "waited": waits.measured,
    }


PANELS = (
    Panel(
        "approvals",
        "Approvals",
        "orders_app.view_hold",
        "admin/orders_app/dashboard/approvals.html",
        approvals,
        50,
    ),
)
