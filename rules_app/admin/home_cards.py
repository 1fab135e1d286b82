"""What the admin's home page shows of quotas that are nearly used up."""

from __future__ import annotations

from datetime import datetime
from operator import itemgetter
from typing import Any

from acteon_site.admin.home import Card, Figures
from acteon_site.admin.scoped import narrowed
from acteon_site.base.clock import db_now
from acteon_site.base.clock_text import span_text
from acteon_site.base.principals import Principal
from rules_app.models import GateRow, Quota
from rules_app.services.quota_windows import spec_of

MOST_SHOWN = 6
MOST_READ = 200
NEAR = 0.8


def quotas(reader: Principal) -> Figures:
    """The fullest first, by one query for all their windows."""
    now = db_now()
    enabled = narrowed(Quota.objects.filter(enabled=True, per_principal=False), reader).order_by(
        "created_at", "id"
    )
    keys = {spec_of(quota).key("", now): quota for quota in enabled[:MOST_READ]}
    rows = GateRow.objects.filter(pk__in=keys)
    used = [_usage(keys[row.pk], int(row.data.get("used", 0)), now) for row in rows]
    near = sorted((usage for usage in used if usage["share"] >= NEAR), key=itemgetter("share"), reverse=True)
    return {"quotas": near[:MOST_SHOWN]}


def _usage(quota: Quota, used: int, now: datetime) -> dict[str, Any]:
    share = used / quota.max_actions
    return {
        "quota": quota,
        "used": used,
        "share": share,
        "percent": min(100, round(share * 100)),
        "resets_in": span_text((spec_of(quota).ends(now) - now).total_seconds()),
    }


CARDS = (Card("quotas", "rules_app.view_quota", "admin/rules_app/home/quotas.html", quotas, "right", 50),)
