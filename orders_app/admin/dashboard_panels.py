"""What the dashboard shows of approvals: what waits now, and how those of the span were decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from django.urls import reverse
from django.utils import timezone

from acteon_site.admin.home import bounded_count
from acteon_site.base.clock_text import span_text
from audit_app.analytics.asking import Question
from audit_app.analytics.durations import Durations
from audit_app.analytics.panels import Compared, Figures, Panel, View, milliseconds
from audit_app.records.rollups import WAITS
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
    now, before = (_by_outcome(counts) for counts in view.outcomes(set(DECISIONS)))
    question = Question(WAITS, view.span, view.filters, worth=False)
    waits = view.sums.times(question).get((), Durations())
    return {
        "pending": bounded_count(pending),
        "pending_url": f"{reverse('admin:orders_app_approval_changelist')}?status=pending",
        "oldest": span_text((timezone.now() - oldest).total_seconds()) if oldest else "",
        "decisions": [
            (
                words,
                Compared(now[outcome], before[outcome]),
                view.rows_url(outcome=outcome),
            )
            for outcome, words in DECISIONS.items()
        ],
        "waits": [(share, milliseconds(value)) for share, value in waits.percentiles_ms().items()],
        "waited": waits.measured,
    }


def _by_outcome(counts: Mapping[tuple[str, str], int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (outcome, _), count in counts.items():
        found[outcome] += count
    return found


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
