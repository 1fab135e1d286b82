"""What the admin's home page shows of subscriptions that take nothing."""

from __future__ import annotations

from django.urls import reverse

from acteon_site.admin.home import Card, Figures, Tile, bounded_count
from acteon_site.admin.scoped import narrowed
from acteon_site.base.principals import Principal
from subscriptions_app.selectors import failing, switched_off

MOST_SHOWN = 6


def subscriptions(reader: Principal) -> Figures:
    """No tile where all is well: there may be no subscriptions at all."""
    off = narrowed(switched_off(), reader)
    count = bounded_count(off)
    url = reverse("admin:subscriptions_app_subscription_changelist") + "?enabled__exact=0"
    words = "subscription switched off" if count == "1" else "subscriptions switched off"
    tiles = [Tile(count, words, url, "alarm")] if count != "0" else []
    rows = [
        *off.order_by("-disabled_at")[:MOST_SHOWN],
        *narrowed(failing(), reader).order_by("failing_since")[:MOST_SHOWN],
    ]
    return {"rows": rows[:MOST_SHOWN], "tiles": tiles}


CARDS = (
    Card(
        "subscriptions",
        "subscriptions_app.view_subscription",
        "admin/subscriptions_app/home/subscriptions.html",
        subscriptions,
        "right",
        50,
    ),
)
